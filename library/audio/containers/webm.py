"""WebM: its tracks, and the duration by the times of its blocks.

Sources: RFC 8794 (EBML), RFC 9559 (Matroska).
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from library.audio.containers.opus import opus_samples
from library.audio.containers.reader import Reader
from library.audio.containers.results import (
    CONVERT,
    NO_AUDIO,
    NO_INDEX,
    VIDEO,
    Audio,
    Measurement,
    Refusal,
    unplayable,
)

# identifiers of elements
HEADER, DOC_TYPE, SEGMENT = 0x1A45DFA3, 0x4282, 0x18538067
INFO, TIMESTAMP_SCALE, DURATION = 0x1549A966, 0x2AD7B1, 0x4489
TRACKS, TRACK, TRACK_TYPE, CODEC = 0x1654AE6B, 0xAE, 0x83, 0x86
CLUSTER, TIMESTAMP = 0x1F43B675, 0xE7
SIMPLE_BLOCK, BLOCK_GROUP, BLOCK = 0xA3, 0xA0, 0xA1
VIDEO_TRACK, SOUND_TRACK = 1, 2
PLAYABLE = {b"A_OPUS", b"A_VORBIS"}
MATROSKA = Refusal("not_audio", f"This is Matroska, which few browsers play. {CONVERT}")
CLOSE_SECONDS = 0.1
DEFAULT_SCALE = 1_000_000  # nanoseconds
_WIDTHS = (0, *(9 - first.bit_length() for first in range(1, 256)))  # of numbers, in bytes
HEAD_BYTES, BLOCK_BYTES = 12, 8  # read of an element, and of a block


class Element(NamedTuple):
    """An element: its identifier, and where its content begins and ends (None: unknown)."""

    kind: int
    start: int
    end: int | None


def elements(reader: Reader, position: int, end: int | None) -> Iterator[Element]:
    """Yield the elements in a part of the file, by default all up to its end.

    An element of unknown size is followed by its own first child.
    """
    while end is None or position < end:
        element = _element(reader.at(position, HEAD_BYTES), position)
        if element is None:
            return
        yield element
        position = element.start if element.end is None else element.end


def _element(head: bytes, position: int) -> Element | None:
    """Return the element whose first HEAD_BYTES are at a position, or None."""
    width = _width(head, 0)
    start = width + _width(head, width)
    if not width or start == width or len(head) < start:
        return None
    limit = (1 << 7 * (start - width)) - 1
    size = int.from_bytes(head[width:start]) & limit
    begin = position + start
    return Element(int.from_bytes(head[:width]), begin, None if size == limit else begin + size)


def _width(content: bytes, offset: int) -> int:
    """Return the length in bytes of the EBML number at an offset, or 0 if there is none."""
    return _WIDTHS[content[offset]] if offset < len(content) else 0


def children(reader: Reader, parent: Element) -> Iterator[Element]:
    """Yield the elements of a parent of known size."""
    return elements(reader, parent.start, parent.end)


def recognize_webm(reader: Reader, start: int) -> Audio | Refusal:
    """Judge a file by its document type and its tracks, which precede the first cluster."""
    document, segment = b"", None
    for element in elements(reader, start, None):
        if element.kind == HEADER:
            document = _value(reader, element, DOC_TYPE).rstrip(b"\0")
        elif element.kind == SEGMENT:
            segment = element
            break
    if segment is None:
        return NO_INDEX
    for element in elements(reader, segment.start, segment.end):
        if element.kind == CLUSTER:
            break
        if element.kind == TRACKS and element.end is not None:
            reader.wait_for(element.end)
            return _judge(reader, element, document, start)
    return NO_INDEX if document == b"webm" else MATROSKA


def _judge(reader: Reader, tracks: Element, document: bytes, start: int) -> Audio | Refusal:
    kinds, codecs = [], []
    for track in children(reader, tracks):
        if track.kind == TRACK:
            kinds.append(int.from_bytes(_value(reader, track, TRACK_TYPE)))
            if kinds[-1] == SOUND_TRACK:
                codecs.append(_value(reader, track, CODEC).rstrip(b"\0"))
    if VIDEO_TRACK in kinds:
        return VIDEO
    if document != b"webm":
        return MATROSKA
    if not codecs:
        return NO_AUDIO
    if PLAYABLE.intersection(codecs):
        return Audio("audio/webm", start)
    name = codecs[0].removeprefix(b"A_").decode("latin-1")
    return unplayable(name if name.isprintable() and name else "other")


def _value(reader: Reader, parent: Element, kind: int) -> bytes:
    """Return the content, at most 64 bytes, of a child; empty without one."""
    for child in children(reader, parent):
        if child.kind == kind and child.end is not None:
            return reader.at(child.start, min(child.end - child.start, 64))
    return b""


def measure_webm(reader: Reader, start: int) -> Measurement:
    """Return the time at which the last block ends. Raises LookupError if there is none."""
    scale, declared, opus = DEFAULT_SCALE, None, False
    clock = _Clock()
    cut = False
    for element, content in _flat(reader, start):
        cut = (element.end or 0) > reader.size
        if element.kind == INFO:
            scale = int.from_bytes(_value(reader, element, TIMESTAMP_SCALE)) or DEFAULT_SCALE
            ticks = _value(reader, element, DURATION)
            if len(ticks) in (4, 8):
                (declared,) = struct.unpack(">f" if len(ticks) == 4 else ">d", ticks)
        elif element.kind == TRACKS:
            opus = _has_opus(reader, element)
        elif element.kind == TIMESTAMP:
            clock.cluster = reader.number(element.start, min((element.end or 0) - element.start, 8))
        elif element.kind in (SIMPLE_BLOCK, BLOCK) and not cut:
            clock.add(content, opus=opus, scale=scale)
    if clock.blocks == 0:
        raise LookupError("no blocks")
    unit = scale / 1e9  # seconds
    seconds = (clock.end - clock.first) * unit
    if declared is None:
        return Measurement(seconds, cut=cut)
    # The header knows how much of the last block is silence.
    close = abs(seconds - declared * unit) < CLOSE_SECONDS
    return Measurement(declared * unit if close else seconds, declared * unit, cut)


class _Clock:
    """The times of blocks, in units of the time scale."""

    def __init__(self) -> None:
        self.cluster = 0
        self.blocks = 0
        self.first = 0.0
        self.last = 0.0
        self.end = 0.0

    def add(self, block: bytes, *, opus: bool, scale: int) -> None:
        """Note a block: its track, its time in its cluster, its flags, and its first frame."""
        width = _width(block, 0)
        if not width or len(block) < width + 4:
            return
        time = self.cluster + int.from_bytes(block[width : width + 2], signed=True)
        laced = block[width + 2] & 0x06
        if opus and not laced:
            length = opus_samples(block[width + 3 :]) / 48_000 * 1e9 / scale
        else:  # as long as the block before it
            length = max(0.0, time - self.last) if self.blocks else 0.0
        if not self.blocks:
            self.first = time
        self.blocks += 1
        self.last = time
        self.end = max(self.end, time + length)


def _has_opus(reader: Reader, tracks: Element) -> bool:
    found = (_value(reader, track, CODEC) for track in children(reader, tracks))
    return any(codec.startswith(b"A_OPUS") for codec in found)


def _flat(reader: Reader, start: int) -> Iterator[tuple[Element, bytes]]:
    """Yield the elements of segments, and the parts of clusters and groups of blocks, each with
    its first BLOCK_BYTES.
    """
    position = start
    while True:
        head = reader.at(position, HEAD_BYTES + BLOCK_BYTES)
        element = _element(head[:HEAD_BYTES], position)
        if element is None:
            return
        behind = element.start - position
        yield element, head[behind : behind + BLOCK_BYTES]
        inside = element.kind in (SEGMENT, CLUSTER, BLOCK_GROUP) or element.end is None
        position = element.start if inside or element.end is None else element.end
