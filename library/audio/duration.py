"""Measure the duration of audio.

The files are untrusted: tags are never unpacked, reads are limited, and a header is believed only
as far as the bytes of the file agree with it.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from library.audio.containers.flac import measure_flac
from library.audio.containers.frames import measure_frames
from library.audio.containers.iso_duration import measure_iso
from library.audio.containers.ogg import measure_ogg
from library.audio.containers.reader import Reader, TooManyReadsError
from library.audio.containers.results import Measurement, Refusal
from library.audio.containers.wav import measure_wav
from library.audio.containers.webm import measure_webm
from library.audio.recognition import recognize

MOST_READS = 250_000  # two hours of MP3 or WebM; a second or so
LONGEST = 7 * 86_400  # seconds; a longer duration comes from a false header


def measure(audio: str | Path | BinaryIO) -> Measurement | None:
    """Return the duration to the millisecond, or None if it is unknown.

    An open file is read from its beginning and rewound afterwards.
    """
    if isinstance(audio, str | Path):
        with Path(audio).open("rb") as file:
            return measure(file)
    try:
        found = _measure(audio)
    except (ValueError, LookupError, ArithmeticError, TooManyReadsError):
        return None
    finally:
        audio.seek(0)
    if found is None or not math.isfinite(found.seconds) or not 0.0005 < found.seconds < LONGEST:
        return None
    declared = found.declared
    if declared is not None and not (math.isfinite(declared) and 0 < declared < LONGEST):
        declared = None
    return Measurement(round(found.seconds, 3), declared and round(declared, 3), found.cut)


def duration_of(audio: str | Path | BinaryIO) -> float | None:
    """Return the duration in seconds of what a file contains, or None if it is unknown."""
    found = measure(audio)
    return found.seconds if found else None


def truncation(found: Measurement) -> str | None:
    """Return a sentence for editors if the file is shorter than its header says."""
    if not found.truncated:
        return None
    if found.declared is None or found.declared <= found.seconds:
        return f"This file is truncated: it ends after {found.seconds:.1f} s in mid-sound."
    return (
        f"This file is truncated: its header says {found.declared:.1f} s,"
        f" but it has only {found.seconds:.1f} s."
    )


def _measure(audio: BinaryIO) -> Measurement | None:
    answer = recognize(Reader(audio))
    if isinstance(answer, Refusal):
        return None
    reader = Reader(audio, most_reads=MOST_READS)
    return _MEASURES[answer.content_type](reader, answer.start)


def _whole_stream(reader: Reader, start: int) -> Measurement:
    return measure_frames(reader, start, reader.size)


_MEASURES: dict[str, Callable[[Reader, int], Measurement]] = {
    "audio/mpeg": _whole_stream,
    "audio/aac": _whole_stream,
    "audio/ogg": measure_ogg,
    "audio/flac": measure_flac,
    "audio/wav": measure_wav,
    "audio/mp4": measure_iso,
    "audio/webm": measure_webm,
}
