"""Damaged files of every format: no exception, no false duration, a bounded time."""

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.audio.containers.reader import MissingBytesError, Reader
from library.audio.containers.results import Audio, Refusal
from library.audio.duration import LONGEST, measure
from library.audio.recognition import recognize
from tests.support.sounds import (
    ADTS_FRAME,
    FTYP,
    MP2_FRAME,
    MP3_FRAME,
    SKELETON_HEAD,
    VORBIS_HEAD,
    ape,
    box,
    flac,
    fragment,
    id3,
    movie,
    mp4,
    ogg,
    page,
    track,
    wav,
    webm,
    webm_track,
    xing,
)

FILES = {
    "MP3": xing(5) + MP3_FRAME * 5,
    "tagged MP3": id3(40) + ape(40) + b"junk" + MP3_FRAME * 5,
    "MP2": MP2_FRAME * 5,
    "AAC": ADTS_FRAME * 40,
    "FLAC": flac(9),
    "piped FLAC": flac(9, total=0),
    "WAV": wav(bytes(200)),
    "RF64": wav(bytes(200), declared=0xFFFFFFFF, ds64=200),
    "WAV of MP3": wav(MP3_FRAME * 5, coding=0x55, bits=0),
    "Ogg": page(SKELETON_HEAD, flags=2, serial=1) + ogg() + ogg(VORBIS_HEAD),
    "M4A": mp4(track(samples=20), track(b"vide", b"jpeg", samples=1), data=bytes(200)),
    "M4A with its index at the end": FTYP + box(b"mdat", bytes(200)) + movie(track(samples=20)),
    "fragments": mp4(track(samples=0), data=b"") + fragment(5) + fragment(5),
    "WebM": webm(blocks=5, declared=1.0),
    "recorded WebM": webm(webm_track(), webm_track(17, b"S_TEXT"), blocks=5, live=True),
}
MUTATIONS = 120  # of each file


def check(content: bytes) -> None:
    """Recognize and measure a file, and its beginning as a download in progress."""
    found = recognize(Reader(content))
    assert isinstance(found, Audio | Refusal)
    measured = measure(io.BytesIO(content))
    if measured is not None:
        assert isinstance(found, Audio)
        assert 0 < measured.seconds < LONGEST
    try:
        early = recognize(Reader(content[: len(content) // 2], more=True))
    except MissingBytesError as missing:
        assert missing.needed > len(content) // 2  # noqa: PT017
    else:
        assert early == found


@pytest.mark.parametrize("name", FILES)
def test_file_can_end_at_any_byte(name: str) -> None:
    for size in range(len(FILES[name])):
        check(FILES[name][:size])


@pytest.mark.parametrize("name", FILES)
def test_any_bytes_can_be_wrong(name: str) -> None:
    for seed in range(MUTATIONS):
        chance = random.Random(f"{name} {seed}")
        content = bytearray(FILES[name])
        for _ in range(chance.choice((1, 1, 2, 8))):
            place = chance.randrange(min(len(content), 600))
            if chance.random() < 0.5:
                content[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF))
            else:
                content[place : place + 4] = chance.randbytes(4)
        check(bytes(content))


@pytest.mark.parametrize("name", FILES)
def test_parts_can_be_missing_or_repeated(name: str) -> None:
    for seed in range(MUTATIONS // 3):
        chance = random.Random(f"{name} parts {seed}")
        content = FILES[name]
        begin, end = sorted(chance.randrange(len(content)) for _ in range(2))
        check(content[:begin] + content[end:])
        check(content[:end] + content[begin:])


SIGNATURES = [
    *(b"\xff\xfb\x90\0", b"OggS\0\2", b"fLaC", b"RIFFxxxxWAVEfmt ", FTYP, b"ID3\4\0\0\0\0\0\0"),
    *(b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67\xff", b"\0\0\0\1moov", b"APETAGEX"),
]


@given(st.sampled_from(SIGNATURES), st.binary(max_size=400))
def test_any_bytes_may_follow_a_signature(signature: bytes, rest: bytes) -> None:
    check(signature + rest)
