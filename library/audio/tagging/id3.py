"""ID3v2.2, 2.3 and 2.4 in front of the audio, and ID3v1 behind it.

Sources: the ID3v2.2, 2.3 and 2.4 documents, the ID3v1.1 description. Compressed and encrypted
frames are skipped: a few kilobytes can unpack to gigabytes.
"""

import re

from library.audio.containers.reader import Reader
from library.audio.tagging.found import MOST_BYTES, Tags, add, plain
from library.audio.tagging.genres import genres_of, numbered

ENCODINGS = {0: "cp1252", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}  # cp1252 contains Latin-1
HEADER_BYTES = 10  # of a tag, and of a frame since ID3v2.3
MOST_FRAMES = 1000
MOST_UNSYNCHRONISED = 4_000_000  # bytes of a tag that must be rewritten to be read
V1_BYTES = 128
# Frames by what they say; the second name is that of ID3v2.2.
TEXTS = {
    **dict.fromkeys((b"TIT2", b"TT2"), "title"),
    **dict.fromkeys((b"TPE1", b"TP1"), "creator"),
    **dict.fromkeys((b"TCON", b"TCO"), "genre"),
    **dict.fromkeys((b"TSRC", b"TRC"), "isrc"),
    **dict.fromkeys((b"TCOP", b"TCR"), "licence"),
    b"TMOO": "tags",
}
LINKS = {
    **dict.fromkeys((b"WOAR", b"WAR"), "creator_url"),
    **dict.fromkeys((b"WCOP", b"WCP"), "licence"),
}
COMMENTS, OTHERS = (b"COMM", b"COM"), (b"TXXX", b"TXX")
# Texts that a program named itself.
NAMED = {
    "description": "description",
    "license": "licence",
    "licence": "licence",
    "keywords": "tags",
    "tags": "tags",
    "isrc": "isrc",
}
_NAME = re.compile(rb"[A-Z0-9]{3,4}")


def read_id3v2(reader: Reader, start: int, tags: Tags) -> None:
    """Add what a tag says that begins at a position."""
    header = reader.at(start, HEADER_BYTES)
    version, flags, size = header[3], header[5], _number(header[6:10], 7)
    if version not in (2, 3, 4) or (version == 2 and flags & 0x40):
        return
    position, end = start + HEADER_BYTES, start + HEADER_BYTES + size
    if flags & 0x80 and version < 4:  # frames of ID3v2.4 say it themselves
        content = reader.at(position, min(size, MOST_UNSYNCHRONISED))
        reader = Reader(_synchronised(content))
        position, end = 0, reader.size
    if flags & 0x40:
        bits, own = (7, 0) if version == 4 else (8, 4)
        position += _number(reader.at(position, 4), bits) + own
    for _ in range(MOST_FRAMES):
        position = _frame(reader, position, min(end, reader.size), version, tags)
        if not position:
            break


def _frame(reader: Reader, position: int, end: int, version: int, tags: Tags) -> int:
    """Add what a frame says, and return where the next one begins; 0 if there is none."""
    width = 3 if version == 2 else 4
    length = 6 if version == 2 else HEADER_BYTES
    header = reader.at(position, length)
    name = header[:width]
    if len(header) < length or not _NAME.fullmatch(name):
        return 0
    size = _number(header[width : 2 * width], 8)
    if version == 4 and not size & 0x80808080:
        spread = _number(header[4:8], 7)
        # Some versions of iTunes wrote ordinary numbers.
        following = reader.at(position + length + spread, 4)
        at_end = position + length + spread >= end or following[:1] in (b"\0", b"")
        if (
            at_end
            or _NAME.fullmatch(following)
            or not _NAME.fullmatch(reader.at(position + length + size, 4))
        ):
            size = spread
    start, following_start = position + length, position + length + size
    if following_start > end:
        return 0
    if name not in (*TEXTS, *LINKS, *COMMENTS, *OTHERS) or size < 1:
        return following_start
    content = reader.at(start, min(size, MOST_BYTES))
    flags = header[9] if version > 2 else 0
    if flags & (0x0C if version == 4 else 0xC0):  # compressed or encrypted
        return following_start
    if flags & (0x40 if version == 4 else 0x20):  # a group
        content = content[1:]
    if version == 4 and flags & 0x01:
        content = content[4:]
    if version == 4 and flags & 0x02:
        content = _synchronised(content)
    _add_frame(name, content, tags)
    return following_start


def _add_frame(name: bytes, content: bytes, tags: Tags) -> None:
    if name in LINKS:
        add(tags, LINKS[name], [plain(content)])
        return
    coding, content = content[:1], content[1:]
    if name in COMMENTS:
        purpose, _, text = _decoded(coding, content[3:]).partition("\0")
        if not purpose.strip("\ufeff"):  # others are of programs
            add(tags, "comment", [text])
        return
    values = _decoded(coding, content).split("\0")
    if name in OTHERS:
        known = NAMED.get(values[0].strip("\ufeff").lower())
        if known:
            add(tags, known, values[1:])
    elif TEXTS[name] == "genre":
        add(tags, "genre", (genre for value in values for genre in genres_of(value)))
    else:
        add(tags, TEXTS[name], values)


def _decoded(coding: bytes, content: bytes) -> str:
    encoding = ENCODINGS.get(coding[0] if coding else 0, "cp1252")
    if encoding == "utf-16" and content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16-le"
    return content.decode(encoding, "ignore")


def _number(content: bytes, bits: int) -> int:
    number = 0
    for byte in content:
        number = number << bits | byte
    return number


def _synchronised(content: bytes) -> bytes:
    return content.replace(b"\xff\0", b"\xff")


def read_id3v1(reader: Reader, tags: Tags) -> None:
    """Add what the tag at the end of the file says, if it has one."""
    tag = reader.at(max(0, reader.size - V1_BYTES), V1_BYTES)
    if len(tag) < V1_BYTES or tag[:3] != b"TAG":
        return
    add(tags, "title", [plain(tag[3:33])])
    add(tags, "creator", [plain(tag[33:63])])
    add(tags, "comment", [plain(tag[97:127])])
    add(tags, "genre", numbered(tag[127]))
