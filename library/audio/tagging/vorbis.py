"""Vorbis comments, in Ogg (Vorbis, Opus, FLAC) and in FLAC.

Sources: the Vorbis I specification (section 5), RFC 7845 (section 5.2), RFC 9639 (section 8.6).
"""

from library.audio.containers.flac import BLOCK_HEADER_BYTES, MOST_BLOCKS
from library.audio.containers.ogg import FIRST, PLAYABLE, pages
from library.audio.containers.reader import Reader
from library.audio.tagging.found import MOST_BYTES, Tags, add
from library.audio.tagging.genres import genres_of

COMMENT_BLOCK = 4  # the type of FLAC's block
MOST_COMMENTS = 1000
MOST_PACKET_BYTES = 4_000_000  # with pictures
MOST_PAGES = 1000
# What precedes the comments in the second packet of a stream, by how its first packet begins.
PREFIXES = {b"\x01vorbis": 7, b"OpusHead": 8, b"\x7fFLAC": BLOCK_HEADER_BYTES}
KEYS = {
    "title": "title",
    "artist": "creator",
    "description": "description",
    "comment": "comment",
    "genre": "genre",
    "keywords": "tags",
    "tags": "tags",
    "mood": "tags",
    "license": "licence",
    "licence": "licence",
    "copyright": "licence",
    "isrc": "isrc",
}


def read_flac(reader: Reader, start: int, tags: Tags) -> None:
    """Add what the block of comments says."""
    position = start + 4
    for _ in range(MOST_BLOCKS):
        header = reader.at(position, BLOCK_HEADER_BYTES)
        if len(header) < BLOCK_HEADER_BYTES:
            return
        length = int.from_bytes(header[1:])
        position += BLOCK_HEADER_BYTES
        if header[0] & 0x7F == COMMENT_BLOCK:
            _add_comments(reader.at(position, min(length, MOST_PACKET_BYTES)), tags)
        if header[0] & 0x80:
            return
        position += length


def read_ogg(reader: Reader, start: int, tags: Tags) -> None:
    """Add what the second packet of the first stream of sound says."""
    serial, skipped, packet = None, 0, bytearray()
    for number, page in enumerate(pages(reader, start)):
        if number > MOST_PAGES or len(packet) > MOST_PACKET_BYTES:
            break
        if serial is None and page.flags & FIRST:
            head = reader.at(page.start, min(page.end - page.start, 8))
            for mark in PLAYABLE:
                if head.startswith(mark):
                    serial, skipped = page.serial, PREFIXES[mark]
        elif page.serial == serial:
            length = 0
            for segment in page.segments:
                length += segment
                if segment < 255:
                    break
            else:
                segment = 255
            packet += reader.at(page.start, length)
            if segment < 255:
                break
    _add_comments(bytes(packet[skipped:]), tags)


def _add_comments(content: bytes, tags: Tags) -> None:
    """Add the comments in a block, as far as it goes."""

    def number(position: int) -> int:
        return int.from_bytes(content[position : position + 4], "little")

    position = 4 + number(0)  # the name of the encoder
    count, position = min(number(position), MOST_COMMENTS), position + 4
    for _ in range(count):
        if position + 4 > len(content):
            return
        start, position = position + 4, position + 4 + number(position)
        comment = content[start : min(position, start + MOST_BYTES)].decode("utf-8", "ignore")
        key, _, value = comment.partition("=")
        name = KEYS.get(key.strip().lower())
        if name == "genre":
            add(tags, name, genres_of(value))
        elif name:
            add(tags, name, [value])
