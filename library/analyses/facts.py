"""The public facts of an analysis, as `Clip.audio` holds them: see `AudioSerializer`."""

from typing import Any

from library.sound.analysis import Analysis
from library.sound.loudness import TARGETS

Facts = dict[str, Any]


def facts_of(analysis: Analysis, etag: str) -> Facts:
    """Return the facts of the audio with this entity tag. Numbers are rounded and finite."""
    return {
        "etag": etag,
        "container": analysis.container,
        "codec": analysis.codec,
        "lossless": analysis.lossless,
        "duration": _rounded(analysis.duration, 6),
        "sample_rate": analysis.sample_rate,
        "channels": analysis.channels,
        "bit_rate": round(analysis.bit_rate),
        "loudness": _rounded(analysis.loudness, 2),
        "loudness_range": _rounded(analysis.loudness_range, 2),
        "true_peak": _rounded(analysis.true_peak, 2),
        "gain": {f"{target:g}": _rounded(analysis.gain_to(target), 2) for target in TARGETS},
        "leading_silence": _rounded(analysis.leading_silence, 3),
        "trailing_silence": _rounded(analysis.trailing_silence, 3),
        "clippings": analysis.clippings,
        "truncated": analysis.truncated,
        "damaged_packets": analysis.damaged_packets,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits) + 0.0  # never -0.0
