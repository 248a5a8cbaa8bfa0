"""The Range request header (RFC 9110, 14.1.2): one range of bytes, or the whole.

Pure: text in, offsets out.
"""

import re
from dataclasses import dataclass

# One int-range or suffix-range. ASCII digits only: `\d` would take others.
_RANGE = re.compile(r"bytes=[ \t]*(?:([0-9]+)-([0-9]*)|-([0-9]+))[ \t]*", re.IGNORECASE)

_BEYOND_ANY_SIZE = 10**18


class UnsatisfiableRangeError(ValueError):
    """The range begins at or past the end (RFC 9110, 15.5.17: answer 416)."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """`length` bytes from the offset `start` on."""

    start: int
    length: int

    @property
    def stop(self) -> int:
        """The offset after the last byte."""
        return self.start + self.length

    def content_range(self, size: int) -> str:
        """The Content-Range header of a 206 of this range, of a body of `size` bytes."""
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def parse(header: str, size: int) -> ByteRange | None:
    """The range that a Range header asks of `size` bytes (above 0); None: send the whole.

    None for what is malformed, for another unit and for several ranges: a server may ignore the
    header (RFC 9110, 14.2), and these gain nothing for short audio.
    Raises UnsatisfiableRangeError.
    """
    match = _RANGE.fullmatch(header)
    if match is None:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        length = min(_number(suffix), size)
        if length == 0:
            raise UnsatisfiableRangeError
        return ByteRange(size - length, length)
    start = _number(first)
    end = _number(last) if last else size - 1
    if last and end < start:
        return None
    if start >= size:
        raise UnsatisfiableRangeError
    return ByteRange(start, min(end, size - 1) - start + 1)


def _number(digits: str) -> int:
    """The number, or one beyond any size: int() refuses thousands of digits."""
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= 18 else _BEYOND_ANY_SIZE
