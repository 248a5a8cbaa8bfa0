"""Bounded reading of an untrusted file, of which a part may not have arrived yet."""

import os
from typing import BinaryIO

BLOCK_BYTES = 65_536
# Reads of one file. To recognize it takes a few hundred at most.
MOST_READS = 10_000
# What else takes as long as a read.
READS_PER_BLOCK = 10  # that is read from the file: parts can be far apart
BYTES_PER_READ = 256  # that are returned


class MissingBytesError(Exception):
    """The answer depends on bytes that have not arrived: the file must grow to `needed` bytes."""

    def __init__(self, needed: int) -> None:
        self.needed = needed
        super().__init__(needed)


class TooManyReadsError(Exception):
    """The file has more parts than any valid file of its size."""


class Reader:
    """Reads a file at any position, in blocks.

    With `more`, the file can still grow, and reading past its end raises MissingBytesError.
    After `most_reads` reads, the next one raises TooManyReadsError. Long and far ones count more.
    """

    def __init__(
        self, source: BinaryIO | bytes, *, more: bool = False, most_reads: int = MOST_READS
    ) -> None:
        self._more = more
        self._most_reads = most_reads
        self._file = None if isinstance(source, bytes) else source
        self._block = source if isinstance(source, bytes) else b""
        self._start = 0  # of the block in the file
        self._reads = 0
        self.size = len(self._block) if self._file is None else self._file.seek(0, os.SEEK_END)

    def at(self, position: int, length: int) -> bytes:
        """Return `length` bytes, fewer only at the end of the file."""
        self._reads += 1
        if self._reads > self._most_reads:
            raise TooManyReadsError
        end = position + length
        if end > self.size and self._more:
            raise MissingBytesError(end)
        end = min(end, self.size)
        if position >= end:  # seeking can fail there: file systems have a largest position
            return b""
        self._reads += (end - position) // BYTES_PER_READ
        if self._file is not None and not (
            self._start <= position and end <= self._start + len(self._block)
        ):
            self._reads += READS_PER_BLOCK
            self._file.seek(position)
            self._block = self._file.read(max(end - position, BLOCK_BYTES))
            self._start = position
        return self._block[position - self._start : end - self._start]

    def number(self, position: int, length: int, order: str = "big") -> int:
        """Return an unsigned integer. Raises ValueError if the file ends before it does."""
        content = self.at(position, length)
        if len(content) < length:
            raise ValueError("the file ends within a number")
        return int.from_bytes(content, "little" if order == "little" else "big")

    def wait_for(self, position: int) -> None:
        """Raise MissingBytesError unless the file has arrived up to this position, or entirely."""
        if self._more and position > self.size:
            raise MissingBytesError(position)
