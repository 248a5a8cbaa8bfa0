"""The test audio, and the part of it that a player's recording contains."""

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SAMPLE = Path(__file__).parents[2] / "fixtures" / "audio" / "acoustic-guitar.mp3"
RATE = 8000  # samples/s to which recordings are converted for comparison
PROBE_SECONDS = 0.5

# By default ffmpeg puts an MP4's index at the end.
ENCODINGS = {
    "mp3": ["-c:a", "copy"],
    "m4a": ["-c:a", "aac", "-b:a", "128k"],
    "ogg": ["-c:a", "libopus", "-b:a", "96k"],
    "flac": ["-c:a", "flac", "-ac", "1", "-ar", "16000"],
}
FORMATS = {"mp3": "mp3", "m4a": "m4a, index at the end", "ogg": "ogg, Opus", "flac": "flac"}


def encode_samples(folder: Path) -> dict[str, Path]:
    """Encode a sample clip in every format; return the files by format."""
    made = {}
    for name, options in ENCODINGS.items():
        made[name] = folder / f"audio.{name}"
        command = ["ffmpeg", "-v", "error", "-i", str(SAMPLE), *options, str(made[name])]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    m4a = made["m4a"].read_bytes()
    assert m4a.index(b"moov") > m4a.index(b"mdat"), "the index is not at the end"
    return made


@dataclass(frozen=True)
class Heard:
    """The part of a clip that a recording contains, in seconds; `likeness` is 1 if identical."""

    start: float
    length: float
    likeness: float

    def __str__(self) -> str:
        return f"{self.start:.1f} to {self.start + self.length:.1f} s heard"

    def is_like(self, other: "Heard") -> bool:
        """Return whether it begins where the other does and is no shorter.

        It may be longer: VLC stops later on HTTP than on a file, with any server.
        """
        same_start = abs(self.start - other.start) < 0.1
        return same_start and self.length > other.length - 0.1 and self.likeness > 0.9


def heard(recording: Path, original: Path) -> Heard:
    """Locate a piece of the recording in the original by cross-correlation."""
    played, whole = _samples(recording), _original(original)
    skipped = len(played) // 4  # the first samples after a seek may be silence
    probe = played[skipped : skipped + int(PROBE_SECONDS * RATE)]
    if not probe.any():
        return Heard(0, len(played) / RATE, 0)
    size = len(whole) + len(probe)
    product = np.fft.rfft(whole, size) * np.conj(np.fft.rfft(probe, size))
    place = int(np.argmax(np.fft.irfft(product, size)[: len(whole)]))
    there = whole[place : place + len(probe)]
    likeness = np.dot(there, probe[: len(there)]) / (
        np.linalg.norm(there) * np.linalg.norm(probe) or 1
    )
    return Heard((place - skipped) / RATE, len(played) / RATE, float(likeness))


@cache
def _original(path: Path) -> NDArray[np.float32]:
    return _samples(path)


def _samples(path: Path) -> NDArray[np.float32]:
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-ac", "1", "-ar", str(RATE)]
    decoded = subprocess.run(
        [*command, "-f", "s16le", "-"], check=True, stdin=subprocess.DEVNULL, capture_output=True
    )
    return np.frombuffer(decoded.stdout, np.int16).astype(np.float32)
