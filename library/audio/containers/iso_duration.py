"""The duration of ISO media: the samples whose bytes are in the file, whatever headers declare.

Source: ISO/IEC 14496-12, sections 8.6 (samples, edits), 8.7 (chunks, sizes), 8.8 (fragments).
"""

import sys
from array import array
from itertools import accumulate

from library.audio.containers.boxes import Box, boxes, find
from library.audio.containers.iso_tracks import (
    Track,
    media_seconds,
    scale_and_duration,
    tracks,
)
from library.audio.containers.reader import Reader
from library.audio.containers.results import Measurement

MOST_TABLE_BYTES = 8_000_000  # of a table of an index: ten hours of AAC frames take 6 MB
TABLE = (b"mdia", b"minf", b"stbl")


def measure_iso(reader: Reader, start: int) -> Measurement:
    """Measure the first track of sound. Raises LookupError if there is none."""
    top = list(boxes(reader, start))
    index = next((box for box in top if box.kind == b"moov"), None)
    found = tracks(reader, index) if index else []
    sound = next((track for track in found if track.handler == b"soun"), None)
    header = find(reader, sound.box, b"mdia", b"mdhd") if sound else None
    if index is None or sound is None or header is None:
        raise LookupError("no track of sound")
    scale, _ = scale_and_duration(reader, header)
    declared = media_seconds(reader, sound)
    if any(box.kind == b"moof" for box in top):
        return _fragments(reader, top, index, sound, declared)
    runs = _table(reader, sound, b"stts", 8)
    durations, counts = runs[1::2], runs[0::2]
    total = sum(n * d for n, d in zip(counts, durations, strict=False))
    samples = sum(counts)
    present = _present(reader, sound, samples)
    seconds = (_until(runs, present) if present < samples else total) / scale
    if not seconds:
        raise LookupError("no samples")
    # A last sample that lasts longer than its sound, and the encoder's delay, are edited out.
    heard = _edited(reader, index, sound)
    if heard and present >= samples:
        seconds = min(seconds, heard)
    return Measurement(seconds, min(heard or declared, declared) or None)


def _table(reader: Reader, track: Track, name: bytes, head: int) -> "array[int]":
    """Return the numbers, of 4 bytes, of a table that has `head` bytes in front of them."""
    box = find(reader, track.box, *TABLE, name)
    return numbers(reader, box.start + head, box.end, 4) if box else array("I")


def numbers(reader: Reader, position: int, end: int, width: int) -> "array[int]":
    """Return the unsigned integers of `width` bytes in a part of the file."""
    found = array("I" if width == 4 else "Q")
    content = reader.at(position, max(0, min(end - position, MOST_TABLE_BYTES)))
    found.frombytes(content[: len(content) // width * width])
    if sys.byteorder == "little":
        found.byteswap()
    return found


def _present(reader: Reader, track: Track, samples: int) -> int:
    """Return how many of the samples have their bytes in the file."""
    offsets = _table(reader, track, b"stco", 8)
    if not offsets:
        box = find(reader, track.box, *TABLE, b"co64")
        offsets = numbers(reader, box.start + 8, box.end, 8) if box else offsets
    if not offsets:
        return samples
    inside = sum(offset < reader.size for offset in offsets)
    in_chunks = _table(reader, track, b"stsc", 8)  # first chunk, samples per chunk, description
    before = last = 0
    firsts = [*in_chunks[0::3], len(offsets) + 1]
    for number, per_chunk in enumerate(in_chunks[1::3]):
        chunks = min(firsts[number + 1] - 1, inside) - (firsts[number] - 1)
        if chunks > 0:
            before += chunks * per_chunk
            last = per_chunk
    if not inside:
        return 0
    # The last of these chunks can be cut.
    box = find(reader, track.box, *TABLE, b"stsz")
    if box is None:
        return min(before, samples)
    position = max(offset for offset in offsets if offset < reader.size)
    if common := reader.number(box.start + 4, 4):
        whole = min(last, (reader.size - position) // common)
    else:
        sizes = numbers(reader, box.start + 12, box.end, 4)[before - last : before]
        whole = sum(end <= reader.size for end in accumulate(sizes, initial=position)) - 1
    return min(before - last + whole, samples)


def _until(runs: "array[int]", samples: int) -> int:
    """Return the duration of the first samples."""
    total = 0
    for count, duration in zip(runs[0::2], runs[1::2], strict=False):
        taken = min(count, samples)
        total += taken * duration
        samples -= taken
    return total


def _edited(reader: Reader, index: Box, track: Track) -> float:
    """Return the duration of a track's edits, which players present, or 0 if there are none."""
    edits, header = find(reader, track.box, b"edts", b"elst"), find(reader, index, b"mvhd")
    if edits is None or header is None:
        return 0.0
    scale, _ = scale_and_duration(reader, header)
    width = 8 if reader.at(edits.start, 1) == b"\1" else 4
    size, total = 2 * width + 4, 0
    for position in range(edits.start + 8, min(edits.end, reader.size) - size + 1, size):
        if reader.at(position + width, width) != b"\xff" * width:  # which delays the sound
            total += reader.number(position, width)
    return total / scale if scale else 0.0


def _fragments(
    reader: Reader, top: list[Box], index: Box, sound: Track, declared: float
) -> Measurement:
    """Add up the samples of all fragments. A fragment whose bytes are missing counts in part."""
    header = find(reader, sound.box, b"tkhd")
    media = find(reader, sound.box, b"mdia", b"mdhd")
    if header is None or media is None:
        raise LookupError("no header")
    number = reader.number(header.start + (20 if reader.at(header.start, 1) == b"\1" else 12), 4)
    default = _default_duration(reader, index, number)
    total = 0.0
    for position, box in enumerate(top):
        if box.kind != b"moof":
            continue
        data = top[position + 1] if position + 1 < len(top) else None
        total += _fragment(reader, box, number, default) * _share(reader, data)
    scale, _ = scale_and_duration(reader, media)
    extended = find(reader, index, b"mvex", b"mehd")
    if extended is not None:
        movie = find(reader, index, b"mvhd")
        width = 8 if reader.at(extended.start, 1) == b"\1" else 4
        promised = reader.number(extended.start + 4, width)
        declared = promised / scale_and_duration(reader, movie)[0] if movie else declared
    cut = top[-1].end > reader.size
    return Measurement(total / scale, declared or None, cut)


def _share(reader: Reader, data: Box | None) -> float:
    """Return which share of a fragment's data is in the file."""
    if data is None or data.kind != b"mdat":
        return 1.0 if data else 0.0
    return min(1.0, (reader.size - data.start) / max(1, data.end - data.start))


def _default_duration(reader: Reader, index: Box, number: int) -> int:
    """Return the duration of a track's samples unless a fragment gives another one."""
    extends = find(reader, index, b"mvex")
    for box in boxes(reader, extends.start, extends.end) if extends else ():
        if box.kind == b"trex" and reader.number(box.start + 4, 4) == number:
            return reader.number(box.start + 12, 4)
    return 0


def _fragment(reader: Reader, fragment: Box, number: int, default: int) -> int:
    """Return the duration of a track's samples in a `moof`."""
    total = 0
    for part in boxes(reader, fragment.start, fragment.end):
        header = find(reader, part, b"tfhd") if part.kind == b"traf" else None
        if header is None or reader.number(header.start + 4, 4) != number:
            continue
        flags = reader.number(header.start, 4)
        place = header.start + 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
        each = reader.number(place, 4) if flags & 8 else default
        for run in boxes(reader, part.start, part.end):
            if run.kind == b"trun":
                total += _run(reader, run, each)
    return total


def _run(reader: Reader, run: Box, each: int) -> int:
    """Return the duration of the samples in a `trun`."""
    flags, count = reader.number(run.start, 4), reader.number(run.start + 4, 4)
    if not flags & 0x100:
        return count * each
    fields = sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
    start = run.start + 8 + (4 if flags & 1 else 0) + (4 if flags & 4 else 0)
    return sum(numbers(reader, start, min(run.end, start + 4 * fields * count), 4)[::fields])
