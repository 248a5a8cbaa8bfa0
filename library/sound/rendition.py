"""Renditions: excerpts or whole clips in other formats, with fades and normalised loudness."""

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

from library.sound.limits import LONGEST, MOST_CHANNELS, RENDERING, SAMPLE_RATES
from library.sound.reports import check_integers, check_numbers

LONGEST_FADE = 10.0  # seconds
TOLERANCE = 1e-6  # seconds, because 6.23 + 0.07 is more than 6.3
DECIBELS = (-400.0, 400.0)
INTEGERS = {
    "sample_rate": SAMPLE_RATES,
    "channels": (1, MOST_CHANNELS),
    "bit_rate": (0, 2**31 - 1),
    "size": (1, RENDERING.output_bytes),
}
NUMBERS = {
    "duration": (0.0, LONGEST + 60.0),  # the encoder pads
    "loudness": DECIBELS,
    "true_peak": DECIBELS,
    "gain": DECIBELS,
}


class Encoding(NamedTuple):
    """An encoder and a container in FFmpeg's terms."""

    encoder: str
    muxer: str
    content_type: str
    extension: str
    low: int  # bit/s for stereo; half of it for mono
    high: int
    sample_rates: tuple[int, ...]  # Hz; other rates become the first one


ENCODINGS = {
    "mp3": Encoding("libmp3lame", "mp3", "audio/mpeg", "mp3", 96_000, 192_000, (44_100, 48_000)),
    "opus": Encoding("libopus", "ogg", "audio/ogg", "ogg", 48_000, 128_000, (48_000,)),
    "aac": Encoding("aac", "ipod", "audio/mp4", "m4a", 64_000, 160_000, (44_100, 48_000)),
}


@dataclass(frozen=True, slots=True)
class Rendition:
    """What to make. Raises ValueError for impossible values."""

    format: Literal["mp3", "opus", "aac"]
    quality: Literal["low", "high"] = "high"
    start: float = 0.0  # seconds
    length: float | None = None  # seconds; None for everything from the start to the end
    fade_in: float = 0.0  # seconds
    fade_out: float = 0.0
    target: float | None = None  # LUFS; None leaves the loudness as it is

    def __post_init__(self) -> None:
        if self.format not in ENCODINGS or self.quality not in ("low", "high"):
            raise ValueError("The format is mp3, opus or aac, and the quality is low or high.")
        times = (self.start, self.fade_in, self.fade_out)
        if not all(math.isfinite(time) and 0 <= time <= LONGEST for time in times):
            raise ValueError(f"The start and the fades must be from 0 to {LONGEST} seconds.")
        if max(self.fade_in, self.fade_out) > LONGEST_FADE:
            raise ValueError(f"A fade lasts at most {LONGEST_FADE:.0f} seconds.")
        if self.length is not None and not 0.1 <= self.length <= LONGEST:
            raise ValueError(f"The length must be from 0.1 to {LONGEST} seconds.")
        if self.length is not None and self.fade_in + self.fade_out > self.length + TOLERANCE:
            raise ValueError("The fades must not be longer than the excerpt.")
        if self.target is not None and not -70 < self.target <= 0:
            raise ValueError("The target loudness must be above -70 and at most 0 LUFS.")

    @property
    def content_type(self) -> str:
        return ENCODINGS[self.format].content_type


@dataclass(frozen=True, slots=True)
class Rendered:
    """What was made, measured by decoding it."""

    duration: float  # seconds
    sample_rate: int  # Hz
    channels: int
    bit_rate: int  # bit/s
    loudness: float | None  # LUFS
    true_peak: float | None  # dBTP
    gain: float  # dB, applied to reach the target
    size: int  # bytes

    @classmethod
    def from_report(cls, report: dict[str, Any]) -> Self:
        """Check a report of the decoder. Raises ValueError, TypeError or KeyError."""
        check_integers(report, INTEGERS)
        check_numbers(report, NUMBERS, {"loudness", "true_peak"})
        if not report["duration"] > 0:
            raise ValueError("empty audio")
        return cls(**report)
