"""Facts about a clip's audio."""

import base64
import re
from dataclasses import dataclass
from typing import Any, Self

from library.sound import loudness
from library.sound.fingerprint import MOST_BYTES
from library.sound.limits import LONGEST, MOST_CHANNELS, SAMPLE_RATES
from library.sound.reports import check_integers, check_numbers
from library.sound.waveform import Peaks

SILENCE_DBFS = -60  # quieter samples count as silence
ALL = float(LONGEST + 60)  # seconds; the last frame may reach past the longest audio
DECIBELS = (-400.0, 400.0)
COUNT = (0, 2**31 - 1)  # that PostgreSQL's integer holds
INTEGERS = {
    "sample_rate": SAMPLE_RATES,
    "channels": (1, MOST_CHANNELS),
    "bit_rate": COUNT,
    "clippings": COUNT,
    "damaged_packets": COUNT,
}
NUMBERS = {
    "duration": (0.0, ALL),
    "loudness": DECIBELS,
    "loudness_range": DECIBELS,
    "true_peak": DECIBELS,
    "leading_silence": (0.0, ALL),
    "trailing_silence": (0.0, ALL),
    "promised_duration": (-1e12, 1e12),  # whatever the file says
}
OPTIONAL = {"loudness", "loudness_range", "true_peak", "promised_duration"}
NAME = re.compile(r"[a-z0-9_]{1,32}")  # of a container or a codec


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
        check_integers(report, INTEGERS)
        check_numbers(report, NUMBERS, OPTIONAL)
        for name in ("lossless", "truncated"):
            if type(report[name]) is not bool:
                raise ValueError(name)
        for name in ("container", "codec"):
            if not isinstance(report[name], str) or not NAME.fullmatch(report[name]):
                raise ValueError(name)
        short_term = report["short_term"]
        if not isinstance(short_term, list) or len(short_term) > ALL:
            raise ValueError("short_term")
        check_numbers(dict(enumerate(short_term)), dict.fromkeys(range(len(short_term)), DECIBELS))
        if not report["duration"] > 0 or not report["peaks"]:
            raise ValueError("empty audio")
        peaks = Peaks.from_bytes(base64.b64decode(report["peaks"], validate=True))
        if peaks.sample_rate != report["sample_rate"] or peaks.duration > ALL:
            raise ValueError("peaks")
        fingerprint = base64.b64decode(report["fingerprint"], validate=True)
        if len(fingerprint) % 4 or len(fingerprint) > MOST_BYTES:
            raise ValueError("fingerprint")
        decoded = {"peaks": peaks, "short_term": tuple(short_term), "fingerprint": fingerprint}
        return cls(**report | decoded)
