"""Bounded reading of files whose positions and lengths are false."""

import io
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

import pytest

from library.audio.containers.reader import (
    BLOCK_BYTES,
    MissingBytesError,
    Reader,
    TooManyReadsError,
)
from library.audio.containers.results import Refusal
from library.audio.duration import measure
from library.audio.errors import AudioUnavailableError
from library.audio.recognition import recognize
from library.audio.sniff import read_head
from tests.settings import LOCAL
from tests.support.sounds import FTYP, element, mp4, track, webm_track

FAR = [2**31 - 1, 2**32 - 1, 2**44, 2**62, 2**63 - 1, 2**63, 2**64 - 1]


@pytest.fixture
def file() -> Iterator[BinaryIO]:
    """Return a file on the disk, not in memory: only there have positions a limit."""
    LOCAL.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=LOCAL) as opened:
        yield opened


@pytest.mark.parametrize("position", FAR)
def test_nothing_is_behind_the_end(file: BinaryIO, position: int) -> None:
    file.write(b"audio")
    assert Reader(file).at(position, 8) == b""
    with pytest.raises(MissingBytesError):
        Reader(file, more=True).at(position, 8)


@pytest.mark.parametrize("length", FAR)
def test_box_of_any_length_is_refused(file: BinaryIO, length: int) -> None:
    content = FTYP + b"\0\0\0\1mdat" + length.to_bytes(8) + bytes(100)
    with pytest.raises(AudioUnavailableError, match="origin_not_audio"):
        read_head(iter([content[:20], content[20:]]), file)
    assert isinstance(recognize(Reader(file)), Refusal)
    assert measure(file) is None


def test_element_of_any_length_is_refused(file: BinaryIO) -> None:
    head = element(0x1A45DFA3, element(0x4282, b"webm"))
    file.write(head + element(0x18538067, element(0xEC, size=2**56 - 2), webm_track(), size=-1))
    assert isinstance(recognize(Reader(file)), Refusal)


def test_long_and_far_reads_count_more() -> None:
    reader = Reader(io.BytesIO(bytes(3 * BLOCK_BYTES)), most_reads=100)
    for _ in range(80):
        reader.at(0, 8)
    reader.at(2 * BLOCK_BYTES, 8)
    with pytest.raises(TooManyReadsError):
        reader.at(0, 8)
    reader = Reader(bytes(BLOCK_BYTES), most_reads=100)
    reader.at(0, BLOCK_BYTES)
    with pytest.raises(TooManyReadsError):
        reader.at(0, 8)


def test_file_is_measured_only_if_it_is_recognized() -> None:
    content = FTYP + b"\0\0\0\x08free" * 11_000 + mp4(track())[len(FTYP) :]
    assert isinstance(recognize(Reader(content)), Refusal)
    assert measure(io.BytesIO(content)) is None
