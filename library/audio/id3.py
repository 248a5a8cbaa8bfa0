"""Read title and artist from the ID3v2 tag of an MP3.

Sources: the ID3v2.3 and ID3v2.4 structure documents. This module reads only plain text frames and
uses no library: a compressed frame of a few kilobytes can unpack to gigabytes, and the end of a tag
with a cover image may be missing.
"""

from dataclasses import dataclass

MAX_LENGTH = 200  # characters, as of a clip's title and creator
HEADER_BYTES = 10  # of a tag and of a frame
ENCODINGS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}


@dataclass(frozen=True)
class ID3Tags:
    """Tags found; empty if absent."""

    title: str = ""
    artist: str = ""


def read_id3_tags(head: bytes) -> ID3Tags:
    """Return the tags at the beginning of a file, as far as `head` contains them."""
    version, flags = head[3:4], head[5:6]
    if head[:3] != b"ID3" or version not in (b"\3", b"\4") or flags != b"\0":
        return ID3Tags()
    frames = _text_frames(head[: HEADER_BYTES + _size(head[6:10], 7)], 7 if version > b"\3" else 8)
    return ID3Tags(frames.get(b"TIT2", ""), frames.get(b"TPE1", ""))


def _text_frames(tag: bytes, bits: int) -> dict[bytes, str]:
    """Return plain text frames by identifier. Sizes use the low `bits` of each byte."""
    frames, position = {}, HEADER_BYTES
    while position + HEADER_BYTES < len(tag) and tag[position]:
        identifier, flags = tag[position : position + 4], tag[position + 8 : position + 10]
        size = _size(tag[position + 4 : position + 8], bits)
        content = tag[position + HEADER_BYTES : position + HEADER_BYTES + size]
        if content[:1] and identifier.startswith(b"T") and flags[1:] == b"\0":
            frames[identifier] = _text(content)
        position += HEADER_BYTES + size
    return frames


def _size(number: bytes, bits: int) -> int:
    size = 0
    for byte in number:
        size = size << bits | byte
    return size


def _text(content: bytes) -> str:
    """Return the first value of a text frame, in one line."""
    encoding = ENCODINGS.get(content[0], "latin-1")
    value = content[1:].decode(encoding, "ignore").split("\0")[0]
    return " ".join(value.split())[:MAX_LENGTH]
