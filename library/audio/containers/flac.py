"""The duration of FLAC, by its last frame if the header does not know it or is wrong.

Source: RFC 9639, sections 8.2 (streaminfo) and 9.1 (frame header).
"""

import re
from typing import NamedTuple

from library.audio.containers.reader import Reader
from library.audio.containers.results import Measurement

BLOCK_HEADER_BYTES, STREAM_INFO_BYTES = 4, 34
MOST_BLOCKS = 1000  # of metadata
FIRST_FRAME_BYTES = 16  # no frame header is longer
TAILS = (65_536, 1 << 20)  # bytes that are searched for the last frames
_SYNC = re.compile(rb"\xff[\xf8\xf9][\x10-\xff][\0-\xaf]")
_CRC = []
for _byte in range(256):
    for _ in range(8):
        _byte = _byte << 1 ^ (0x107 if _byte & 0x80 else 0)
    _CRC.append(_byte)


class Frame(NamedTuple):
    """A frame: the number of its first sample and of the sample behind its last."""

    begin: int
    end: int


def measure_flac(reader: Reader, start: int) -> Measurement:
    """Compare the header's number of samples with that of the last frame."""
    info = reader.at(start + 4 + BLOCK_HEADER_BYTES, STREAM_INFO_BYTES)
    fields = int.from_bytes(info[10:18])
    rate, total = fields >> 44, fields & (1 << 36) - 1
    block = int.from_bytes(info[2:4])  # the largest; of a fixed size the only one
    audio = _behind_metadata(reader, start + 4)
    first = frame_at(reader.at(audio, FIRST_FRAME_BYTES), block)
    last = _last_frame(reader, audio, block)
    declared = total / rate if total else None
    if first is None or (last is None and declared is None):
        raise LookupError("no frames")
    if last is None:  # behind the last frame is more than is searched
        return Measurement(declared or 0.0, declared)
    samples = last.end - first.begin
    if abs(samples - total) <= block:  # the last frame is as short as it needs to be
        samples = total or samples
    return Measurement(samples / rate, declared)


def _behind_metadata(reader: Reader, position: int) -> int:
    for _ in range(MOST_BLOCKS):
        header = reader.at(position, BLOCK_HEADER_BYTES)
        position += BLOCK_HEADER_BYTES + int.from_bytes(header[1:])
        if len(header) < BLOCK_HEADER_BYTES or header[0] & 0x80:
            break
    return position


def _last_frame(reader: Reader, audio: int, block: int) -> Frame | None:
    """Return the last frame that continues the one before it: others are found by chance."""
    last = None
    for length in TAILS:
        begin = max(audio, reader.size - length)
        tail = reader.at(begin, reader.size - begin)
        found: dict[int, Frame] = {}  # by the sample behind it
        for match in _SYNC.finditer(tail):
            offset = match.start()
            frame = frame_at(tail[offset : offset + FIRST_FRAME_BYTES], block)
            if frame:
                if frame.begin in found or begin + offset == audio:
                    last = frame
                found[frame.end] = frame
        if last or begin == audio:
            break
    return last


def frame_at(head: bytes, block: int) -> Frame | None:
    """Return the frame that begins with these bytes; `block` is the size of fixed blocks."""
    if len(head) < 6 or head[0] != 0xFF or head[1] & 0xFE != 0xF8:
        return None
    size_code, rate_code, bits = head[2] >> 4, head[2] & 15, head[3] >> 1 & 7
    if not size_code or rate_code == 15 or head[3] >> 4 > 10 or bits == 3 or head[3] & 1:
        return None
    width = 1 if head[4] < 0x80 else 8 - (head[4] ^ 0xFF).bit_length()
    if head[4] & 0xC0 == 0x80 or width > 7:
        return None
    number = head[4] if width == 1 else head[4] & (0x7F >> width)
    for byte in head[5 : 4 + width]:
        if byte & 0xC0 != 0x80:
            return None
        number = number << 6 | byte & 0x3F
    position = 4 + width
    size = _block_size(size_code, head[position : position + 2])
    position += {6: 1, 7: 2}.get(size_code, 0) + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if len(head) <= position or _crc(head[:position]) != head[position]:
        return None
    begin = number if head[1] & 1 else number * block  # a sample's number, or a frame's
    return Frame(begin, begin + size)


def _block_size(code: int, uncommon: bytes) -> int:
    if code == 1:
        return 192
    if code < 6:
        return 144 << code
    if code < 8:
        return int.from_bytes(uncommon[: code - 5]) + 1
    return 1 << code


def _crc(content: bytes) -> int:
    crc = 0
    for byte in content:
        crc = _CRC[crc ^ byte]
    return crc
