"""Patterns for untrusted bytes and header fields take linear time.

Exponential or quadratic ones are interrupted by the limit on a test's time.
"""

import re

import pytest

from library.api.negotiation import _ITEM
from library.audio import non_audio
from library.audio.containers import flac, frames
from library.audio.containers.reader import Reader
from library.audio.containers.results import Refusal
from library.audio.recognition import recognize

SIZES = (1024, 65_536)  # bytes
TOKENS = [
    *(b" ", b"\0", b"a", b"<", b">", b"\xff", b"<!--", b"-->", b"<!--a-->", b"<!--a--> "),
    *(b"<!---->", b"<?xml a>", b"<?xml ", b"<!doctype svg>", b"<!doctype svg ", b"{ ", b"["),
    *(b"<!--a-->\n<?xml a>", b"strh", b"AVI ", b"\0\0\1", b"\0\0\1\xba"),
]
BEGINNINGS = [b"", b"\xef\xbb\xbf", b"<!--", b"<?xml ", b"RIFF0000AVI ", b"\0\0\1\xba"]
MATCHED = {
    **{f"signature {place}": pair[0] for place, pair in enumerate(non_audio._SIGNATURES)},
    "video": non_audio._VIDEO,
    "images": non_audio._IMAGE_BRANDS,
    "UTF-16": non_audio._UTF_16,
    "text": non_audio._ONLY_TEXT,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", MATCHED)
def test_signature_takes_linear_time(name: str) -> None:
    for size in SIZES:
        for token in TOKENS:
            for beginning in BEGINNINGS:
                MATCHED[name].match(beginning + token * (size // len(token)))


@pytest.mark.timeout(20)
@pytest.mark.parametrize("token", TOKENS)
def test_file_of_repeated_tokens_is_refused(token: bytes) -> None:
    for size in SIZES:
        assert isinstance(recognize(Reader(token * (size // len(token)))), Refusal)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("pattern", [frames._SYNC, flac._SYNC], ids=["frames", "FLAC"])
def test_search_for_frames_takes_linear_time(pattern: re.Pattern[bytes]) -> None:
    for token in (b"\xff", b"\xff\xf8", b"\xff\xff\xe2", b"\xff\xf8\x10\0"):
        pattern.findall(token * 300_000)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("token", [" ", ";", "a ", "a; ", ", ", "\t;"])
def test_items_of_a_field_are_split_in_linear_time(token: str) -> None:
    assert len(_ITEM.findall(token * 300_000)) <= 300_000
