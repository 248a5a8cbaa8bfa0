"""Read the tags of a file of any supported type."""

from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from library.audio.containers.reader import Reader, TooManyReadsError
from library.audio.containers.results import Audio
from library.audio.containers.tags import MOST_TAGS, tag_length
from library.audio.tagging.found import Tags, completed
from library.audio.tagging.id3 import read_id3v1, read_id3v2
from library.audio.tagging.mp4 import read_mp4
from library.audio.tagging.riff import read_wav
from library.audio.tagging.vorbis import read_flac, read_ogg

MOST_READS = 100_000  # a tenth of a second
_READERS: dict[str, Callable[[Reader, int, Tags], None]] = {
    "audio/flac": read_flac,
    "audio/ogg": read_ogg,
    "audio/mp4": read_mp4,
    "audio/wav": read_wav,
}


def read_tags(file: BinaryIO | bytes, audio: Audio) -> Tags:
    """Return the values that the tags of a file have, by name; what can be read of damaged ones.

    The tags of its own format count before ID3 in front of it, and that before ID3v1.
    """
    own, front, last = {}, {}, {}  # type: tuple[Tags, Tags, Tags]
    if read := _READERS.get(audio.content_type):
        _try(lambda reader: read(reader, audio.start, own), file)
    _try(lambda reader: _read_front(reader, front), file)
    if audio.content_type in ("audio/mpeg", "audio/aac"):
        _try(lambda reader: read_id3v1(reader, last), file)
    return completed(completed(own, front), last)


def _try(read: Callable[[Reader], None], file: BinaryIO | bytes) -> None:
    with suppress(ValueError, LookupError, ArithmeticError, TooManyReadsError):
        read(Reader(file, most_reads=MOST_READS))


def _read_front(reader: Reader, tags: Tags) -> None:
    position = 0
    for _ in range(MOST_TAGS):
        head = reader.at(position, 16)
        length = tag_length(head)
        if not length:
            return
        if head[:3] == b"ID3":
            read_id3v2(reader, position, tags)
        position += length
