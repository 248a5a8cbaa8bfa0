"""Waveforms from stored peaks: points, BBC audiowaveform, SVG, PNG. Pure functions."""

import struct
import sys
import zlib
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self

FEWEST_POINTS, MOST_POINTS, DEFAULT_POINTS = 50, 4_000, 800
MOST_BLOCKS = 8_192  # of stored peaks, so that every one of 4,000 points has a block of its own
VERSION = 1  # of the stored form
HEADER = struct.Struct("<BIIQI")  # version, sample rate, block, samples, number of blocks


class Peaks(NamedTuple):
    """The lowest and the highest sample of each block, over all channels, as 16-bit integers."""

    sample_rate: int  # Hz
    samples: int  # per channel
    block: int  # samples in each block; the last one may be shorter
    minima: Sequence[int]
    maxima: Sequence[int]

    @property
    def duration(self) -> float:
        """Return the duration in seconds."""
        return self.samples / self.sample_rate

    def to_bytes(self) -> bytes:
        """Return the stored form: a header, then the compressed minima and maxima."""
        header = HEADER.pack(VERSION, self.sample_rate, self.block, self.samples, len(self.minima))
        return header + zlib.compress(_little_endian(array("h", [*self.minima, *self.maxima])))

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """Read the stored form. Raises ValueError if it is not valid."""
        if len(stored) < HEADER.size or stored[0] != VERSION:
            raise ValueError("not stored peaks of version 1")
        _, sample_rate, block, samples, count = HEADER.unpack_from(stored)
        if not (0 < count <= MOST_BLOCKS and sample_rate > 0 and block > 0):
            raise ValueError("stored peaks with an invalid header")
        if count != -(-samples // block):
            raise ValueError("stored peaks whose blocks do not cover the samples")
        inflater = zlib.decompressobj()
        try:
            inflated = inflater.decompress(stored[HEADER.size :], 4 * count + 1)
        except zlib.error as error:
            raise ValueError("stored peaks that cannot be decompressed") from error
        if len(inflated) != 4 * count or not inflater.eof:
            raise ValueError("stored peaks with too few or too many values")
        values = array("h", inflated)
        if sys.byteorder == "big":
            values.byteswap()
        return cls(sample_rate, samples, block, values[:count], values[count:])


def points(peaks: Peaks, count: int, *, bits: int = 16) -> list[int]:
    """Return the minimum and the maximum of each of `count` equal parts, in turn.

    Values are integers of 8 or 16 bits. A part contains every block that it overlaps. Parts shorter
    than a sample repeat it.
    """
    edges = (index * peaks.samples / count for index in range(count + 1))
    return _between(peaks, edges, bits)


def audiowaveform(peaks: Peaks, count: int, *, bits: int = 8) -> dict[str, Any]:
    """Return a waveform for peaks.js and wavesurfer.js: BBC audiowaveform data, JSON version 2.

    Its pixels have a whole number of samples, so that there are at most `count` of them and they
    stay in step with the sound.
    """
    samples_per_pixel = -(-peaks.samples // count)
    length = -(-peaks.samples // samples_per_pixel)
    edges = (min(index * samples_per_pixel, peaks.samples) for index in range(length + 1))
    return {
        "version": 2,
        "channels": 1,
        "sample_rate": peaks.sample_rate,
        "samples_per_pixel": samples_per_pixel,
        "bits": bits,
        "length": length,
        "data": _between(peaks, edges, bits),
    }


def svg(
    peaks: Peaks, count: int, *, width: int, height: int, color: str, background: str | None = None
) -> str:
    """Return an image of the waveform, stretched to its box.

    The caller chooses the colours from a fixed set: they are written as they are.
    """
    values = points(peaks, count)
    middle = 32_768
    upper = " ".join(f"{i},{middle - high}" for i, high in enumerate(values[1::2]))
    lower = " ".join(f"{i},{middle - low}" for i, low in reversed(list(enumerate(values[::2]))))
    box = f'<rect width="{count}" height="65536" fill="{background}"/>' if background else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {count - 1} 65536" preserveAspectRatio="none">{box}'
        f'<polygon fill="{color}" stroke="{color}" stroke-width="1" '
        f'vector-effect="non-scaling-stroke" points="{upper} {lower}"/></svg>'
    )


def png(
    peaks: Peaks, *, width: int, height: int, color: str, background: str | None = None
) -> bytes:
    """Return an image of the waveform with two colours, such as "#112233": one bit for each pixel.

    Without a background it is transparent there (PNG, third edition, section 11.3).
    """
    turns = [0] * (height + 1)  # of each row: the columns that the waveform enters or leaves
    values = points(peaks, width)
    for column, (low, high) in enumerate(zip(values[::2], values[1::2], strict=True)):
        bit = 1 << (width - 1 - column)
        turns[(32_767 - high) * (height - 1) // 65_535] ^= bit
        turns[(32_767 - low) * (height - 1) // 65_535 + 1] ^= bit
    row, rows = 0, bytearray()
    for turn in turns[:height]:
        row ^= turn
        rows += b"\0" + (row << -width % 8).to_bytes((width + 7) // 8)  # no filter, then the pixels
    palette = bytes.fromhex(f"{background or color}{color}".replace("#", ""))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)),
            _chunk(b"PLTE", palette),
            b"" if background else _chunk(b"tRNS", b"\0"),
            _chunk(b"IDAT", zlib.compress(bytes(rows))),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def _between(peaks: Peaks, edges: Iterator[float], bits: int) -> list[int]:
    """Return the minimum and the maximum between each edge, in samples, and the next."""
    shift = 16 - bits
    blocks = len(peaks.minima)
    values = []
    start = next(edges)
    for end in edges:
        first = min(int(start // peaks.block), blocks - 1)
        last = max(first + 1, int(-(-end // peaks.block)))
        values.append(min(peaks.minima[first:last]) >> shift)
        values.append(max(peaks.maxima[first:last]) >> shift)
        start = end
    return values


def _little_endian(values: "array[int]") -> bytes:
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()
