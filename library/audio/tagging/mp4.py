"""The items of MP4 (`ilst`), and the texts of QuickTime.

Sources: the QuickTime File Format (user data, metadata), the iTunes metadata format.
"""

from library.audio.containers.boxes import Box, boxes, find
from library.audio.containers.reader import Reader
from library.audio.tagging.found import MOST_BYTES, Tags, add, plain
from library.audio.tagging.genres import numbered

MOST_ITEMS = 1000
UTF_8, UTF_16 = 1, 2  # types of values
ITEMS = {
    b"\xa9nam": "title",
    b"\xa9ART": "creator",
    b"\xa9gen": "genre",
    b"desc": "description",
    b"ldes": "description",
    b"\xa9des": "description",
    b"\xa9cmt": "comment",
    b"cprt": "licence",
    b"\xa9cpy": "licence",
    b"keyw": "tags",
    b"catg": "tags",
}
FREE = {"ISRC": "isrc", "LICENSE": "licence", "LICENCE": "licence", "KEYWORDS": "tags"}


def read_mp4(reader: Reader, start: int, tags: Tags) -> None:
    """Add what the user data of the index say."""
    index = next((box for box in boxes(reader, start) if box.kind == b"moov"), None)
    user = find(reader, index, b"udta") if index else None
    meta = [find(reader, box, b"meta") for box in (user, index) if box]
    for box in meta:
        if items := box and _items(reader, box):
            _read_items(reader, items, tags)
    if user:
        _read_texts(reader, user, tags)


def _items(reader: Reader, meta: Box) -> Box | None:
    # QuickTime's has no version and flags in front of its boxes.
    own = 0 if reader.at(meta.start + 4, 4) == b"hdlr" else 4
    return find(reader, meta._replace(start=meta.start + own), b"ilst")


def _read_items(reader: Reader, items: Box, tags: Tags) -> None:
    for number, item in enumerate(boxes(reader, items.start, items.end)):
        if number > MOST_ITEMS:
            return
        name = ITEMS.get(item.kind)
        if item.kind == b"----":
            label = find(reader, item, b"name")
            text = _content(reader, label)[4:].decode("utf-8", "ignore") if label else ""
            name = FREE.get(text.strip().upper())
        if not name and item.kind != b"gnre":
            continue
        for value in boxes(reader, item.start, item.end):
            if value.kind != b"data":
                continue
            content = _content(reader, value)
            kind, content = int.from_bytes(content[:4]), content[8:]
            if item.kind == b"gnre":
                add(tags, "genre", numbered(int.from_bytes(content[:2]) - 1))
            elif name and kind in (UTF_8, UTF_16):
                coding = "utf-16-be" if kind == UTF_16 else "utf-8"
                add(tags, name, [content.decode(coding, "ignore")])


def _read_texts(reader: Reader, user: Box, tags: Tags) -> None:
    """Add the texts of QuickTime: a length and a language precede each."""
    for number, box in enumerate(boxes(reader, user.start, user.end)):
        if number > MOST_ITEMS:
            return
        name = ITEMS.get(box.kind)
        if name and box.kind[:1] == b"\xa9" and name not in tags:
            content = _content(reader, box)
            add(tags, name, [plain(content[4 : 4 + int.from_bytes(content[:2])])])


def _content(reader: Reader, box: Box) -> bytes:
    return reader.at(box.start, min(box.end - box.start, MOST_BYTES))
