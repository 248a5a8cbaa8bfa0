"""What an MP3 says of itself: title and artist in its ID3v2 tag, to be proposed to an editor.

Sources: the ID3v2.3 and ID3v2.4 structure documents. Only plain text frames are read, by hand: a
compressed one of a few kilobytes may unpack to gigabytes, and covers need not be had whole.
"""

from dataclasses import dataclass

LONGEST = 200  # characters: as long as a clip's title and creator may be
FRAME_HEADER = 10  # bytes, as the tag's own
ENCODINGS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}


@dataclass(frozen=True)
class Tags:
    """What is told; empty where nothing is."""

    title: str = ""
    artist: str = ""


def tags_in(head: bytes) -> Tags:
    """The tags at the beginning of some audio, as far as it holds them."""
    version, flags = head[3:4], head[5:6]
    if head[:3] != b"ID3" or version not in (b"\3", b"\4") or flags != b"\0":
        return Tags()
    frames = _text_frames(head[: FRAME_HEADER + _size(head[6:10], 7)], 7 if version > b"\3" else 8)
    return Tags(frames.get(b"TIT2", ""), frames.get(b"TPE1", ""))


def _text_frames(tag: bytes, bits: int) -> dict[bytes, str]:
    """The plain text frames by their identifiers; `bits` of each byte of a size count."""
    frames, position = {}, FRAME_HEADER
    while position + FRAME_HEADER < len(tag) and tag[position]:
        identifier, flags = tag[position : position + 4], tag[position + 8 : position + 10]
        size = _size(tag[position + 4 : position + 8], bits)
        content = tag[position + FRAME_HEADER : position + FRAME_HEADER + size]
        if content[:1] and identifier.startswith(b"T") and flags[1:] == b"\0":
            frames[identifier] = _text(content)
        position += FRAME_HEADER + size
    return frames


def _size(number: bytes, bits: int) -> int:
    size = 0
    for byte in number:
        size = size << bits | byte
    return size


def _text(content: bytes) -> str:
    """The first value of a text frame, in one line."""
    encoding = ENCODINGS.get(content[0], "latin-1")
    value = content[1:].decode(encoding, "ignore").split("\0")[0]
    return " ".join(value.split())[:LONGEST]
