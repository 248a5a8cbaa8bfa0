"""Parse the Range request header (RFC 9110, 14.1.2)."""

import re
from dataclasses import dataclass

# One int-range or suffix-range. ASCII digits only: `\d` would match others.
_RANGE = re.compile(r"bytes=[ \t]*(?:([0-9]+)-([0-9]*)|-([0-9]+))[ \t]*", re.IGNORECASE)


class UnsatisfiableRangeError(ValueError):
    """The range starts at or past the end (RFC 9110, 15.5.17: respond with 416)."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """`length` bytes starting at offset `start`."""

    start: int
    length: int

    @property
    def stop(self) -> int:
        return self.start + self.length

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def parse(header: str, size: int) -> ByteRange | None:
    """Return the requested range of a body of `size` bytes (above 0), or None to send it all.

    Malformed headers, other units and multiple ranges give None: a server may ignore the header
    (RFC 9110, 14.2), and multiple ranges gain nothing for short audio.
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
    """Convert digits, capping huge numbers: int() refuses thousands of digits."""
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= 18 else 10**18
