"""Facts about a clip's audio."""

import base64
import math
from dataclasses import dataclass
from typing import Any, Self

from library.sound import loudness
from library.sound.fingerprint import MOST_BYTES
from library.sound.waveform import Peaks

SILENCE_DBFS = -60  # quieter samples count as silence
NUMBERS = (
    *("duration", "sample_rate", "channels", "bit_rate", "loudness", "loudness_range"),
    *("true_peak", "leading_silence", "trailing_silence", "clippings", "damaged_packets"),
    "promised_duration",
)
OPTIONAL = {"loudness", "loudness_range", "true_peak", "promised_duration"}
LONGEST_NAME = 32  # characters
LARGEST = 1e12  # no number of a valid report is larger


@dataclass(frozen=True, slots=True)
class Analysis:
    """What one decode of a whole file shows. Measured over all of its audio, in all channels."""

    container: str
    codec: str
    lossless: bool
    duration: float  # seconds, exact; without the encoder's delay and padding if they are declared
    sample_rate: int  # Hz
    channels: int
    bit_rate: int  # bit/s, of the audio alone
    loudness: float | None  # LUFS, integrated; None for silence and for less than 0.4 s
    loudness_range: float | None  # LU; None for less than 3 s
    true_peak: float | None  # dBTP; None for digital silence
    leading_silence: float  # seconds below SILENCE_DBFS; the whole duration if nothing is louder
    trailing_silence: float
    clippings: int  # runs of at least 3 samples at full scale
    damaged_packets: int  # that could not be decoded
    promised_duration: float | None  # seconds, that the container declares
    truncated: bool  # whether the audio ends before that
    short_term: tuple[float, ...]  # LUFS of the 3 s before second 3, 4, 5 ...; at least -70
    peaks: Peaks
    fingerprint: bytes  # see `fingerprint`; empty for less than 10 s

    def gain_to(self, target: float) -> float | None:
        """Return the gain in dB to `target` LUFS; see `loudness.gain_to`."""
        return loudness.gain_to(target, self.loudness, self.true_peak)

    def loudest(self, seconds: float) -> float:
        """Return the start in seconds of the loudest excerpt of that length, in whole seconds."""
        return loudness.loudest(self.short_term, self.duration, seconds)

    @classmethod
    def from_report(cls, report: dict[str, Any]) -> Self:
        """Check a report of the decoder. Raises ValueError, TypeError or KeyError."""
        for name in NUMBERS:
            value = report[name]
            if value is None and name in OPTIONAL:
                continue
            if not math.isfinite(value) or abs(value) > LARGEST:
                raise ValueError(name)
        for name in ("container", "codec"):
            if not isinstance(report[name], str) or len(report[name]) > LONGEST_NAME:
                raise ValueError(name)
        if not all(math.isfinite(value) for value in report["short_term"]):
            raise ValueError("short_term")
        if not report["duration"] > 0 or not report["peaks"]:
            raise ValueError("empty audio")
        peaks = Peaks.from_bytes(base64.b64decode(report["peaks"], validate=True))
        fingerprint = base64.b64decode(report["fingerprint"], validate=True)
        if len(fingerprint) % 4 or len(fingerprint) > MOST_BYTES:
            raise ValueError("fingerprint")
        short_term = tuple(float(value) for value in report["short_term"])
        return cls(
            **report | {"peaks": peaks, "short_term": short_term, "fingerprint": fingerprint}
        )
