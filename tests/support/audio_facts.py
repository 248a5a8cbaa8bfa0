"""The facts of a clip's audio, as an analysis saves them."""

from typing import Any

FACTS: dict[str, Any] = {
    "etag": '"0123456789abcdef0123456789abcdef"',
    "container": "mp3",
    "codec": "mp3",
    "lossless": False,
    "duration": 28.5,
    "sample_rate": 44_100,
    "channels": 2,
    "bit_rate": 128_000,
    "loudness": -16.42,
    "loudness_range": 3.2,
    "true_peak": -1.7,
    "gain": {"-14": 0.7, "-18": -1.58},
    "leading_silence": 0.02,
    "trailing_silence": 0.31,
    "clippings": 0,
    "truncated": False,
    "damaged_packets": 0,
}


def facts(**changed: Any) -> dict[str, Any]:
    return FACTS | changed
