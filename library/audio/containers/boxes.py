"""The boxes of ISO base media files: MP4, M4A, 3GP, QuickTime.

Source: ISO/IEC 14496-12, section 4.2.
"""

from collections.abc import Iterator
from typing import NamedTuple

from library.audio.containers.reader import Reader

# Boxes with which files begin; the first five also occur in front of `ftyp` or without it.
FIRST_BOXES = (b"moov", b"mdat", b"free", b"skip", b"wide", b"ftyp", b"styp", b"pnot", b"sidx")
MOST_TRACKS = 64


class Box(NamedTuple):
    """A box: its type, and where it, its content and the next box begin."""

    kind: bytes
    position: int
    start: int
    end: int


def boxes(reader: Reader, position: int, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes in a part of the file, by default all on the top level.

    The end of a box can be past the end of a truncated file.
    """
    while end is None or position + 8 <= end:
        header = reader.at(position, 8)
        if len(header) < 8:
            return
        length, kind, start = int.from_bytes(header[:4]), header[4:8], position + 8
        if length == 1:
            length, start = reader.number(position + 8, 8), position + 16
        elif length == 0:  # to the end of the file
            reader.wait_for(1 << 62)
            length = (reader.size if end is None else end) - position
        if length < start - position:
            return
        stop = position + length
        yield Box(kind, position, start, stop if end is None else min(stop, end))
        position = stop


def find(reader: Reader, parent: Box, *path: bytes) -> Box | None:
    """Return the first box at a path of types below a box, or None."""
    box: Box | None = parent
    for kind in path:
        if box is None:
            return None
        box = next((b for b in boxes(reader, box.start, box.end) if b.kind == kind), None)
    return box


def begins_like_iso_media(head: bytes) -> bool:
    """Return whether these first 8 bytes are the header of a box with which files begin."""
    return head[4:8] in FIRST_BOXES and (head[:4] <= b"\0\0\0\1" or int.from_bytes(head[:4]) >= 8)
