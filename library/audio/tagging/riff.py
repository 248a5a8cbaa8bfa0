"""The texts of a WAVE: its list INFO, and the ID3 tag that some programs write into it.

Source: Multimedia Programming Interface and Data Specifications 1.0 (Microsoft, 1991).
"""

from library.audio.containers.reader import Reader
from library.audio.containers.wav import chunks
from library.audio.tagging.found import MOST_BYTES, Tags, add, completed, plain
from library.audio.tagging.genres import genres_of
from library.audio.tagging.id3 import read_id3v2

MOST_TEXTS = 1000
# ISRC is the source of the recording, not its code.
TEXTS = {
    b"INAM": "title",
    b"IART": "creator",
    b"IGNR": "genre",
    b"ICMT": "comment",
    b"ISBJ": "description",
    b"IKEY": "tags",
    b"ICOP": "licence",
}


def read_wav(reader: Reader, start: int, tags: Tags) -> None:
    """Add what the chunks say. ID3 comes first: its texts have an encoding."""
    info: Tags = {}
    for kind, position, length in chunks(reader, start):
        if kind == b"LIST" and reader.at(position, 4) == b"INFO":
            _read_info(reader, position + 4, position + length, info)
        elif kind in (b"id3 ", b"ID3 ") and reader.at(position, 3) == b"ID3":
            read_id3v2(reader, position, tags)
    tags.update(completed(tags, info))


def _read_info(reader: Reader, position: int, end: int, info: Tags) -> None:
    for _ in range(MOST_TEXTS):
        header = reader.at(position, 8)
        if len(header) < 8 or position >= end:
            return
        length = int.from_bytes(header[4:], "little")
        name = TEXTS.get(header[:4])
        if name:
            text = plain(reader.at(position + 8, min(length, MOST_BYTES)))
            add(info, name, genres_of(text) if name == "genre" else [text])
        position += 8 + length + length % 2
