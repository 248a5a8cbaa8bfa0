"""Limits on the decoder, for one file.

A 25 s clip takes 0.5 s of CPU time, an hour of stereo about 40 s. Python with FFmpeg and numpy maps
200 MB and uses 50 MB. The index of an MP4 file of 20 MB may need 150 MB more.
"""

from typing import NamedTuple

MIB = 1024 * 1024

LONGEST = 3600  # seconds of audio
MOST_CHANNELS = 8
SAMPLE_RATES = (4_000, 192_000)  # Hz, the lowest and the highest


class Limits(NamedTuple):
    """Limits on one run of the decoder."""

    wall_seconds: float
    cpu_seconds: int
    memory_bytes: int = 640 * MIB  # of address space
    report_bytes: int = 1 * MIB  # that the parent reads
    output_bytes: int = 0  # of the file that the decoder writes
    descriptors: int = 32


# The decoder has a low priority, so that wall time may be several times CPU time.
ANALYSIS = Limits(wall_seconds=600.0, cpu_seconds=120)
# An hour of MP3 at 192 kbit/s takes 83 MiB, and about 100 s of CPU time at each attempt.
RENDERING = Limits(wall_seconds=1800.0, cpu_seconds=600, output_bytes=96 * MIB)
