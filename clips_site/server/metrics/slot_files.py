"""Files of numbers in the format of prometheus-client's multiprocess mode.

A file starts with the number of bytes in use (4 bytes) and 4 empty bytes. Entries follow: the
length of the key (4 bytes), the key, spaces up to a multiple of 8 bytes, and two doubles, which are
the number and a timestamp. The timestamp is not used here.

An entry is written before it is counted as in use, and a number changes with one store of 8 aligned
bytes. A concurrent reader, or a successor of a killed process, therefore finds the number before or
after an event, never half of it.
"""

import json
import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HEADER = 8  # bytes
BLOCK = 1 << 18  # bytes by which a file grows


class SlotFile:
    """A file of numbers to which only this process writes."""

    def __init__(self, path: Path) -> None:
        """Open the file with the numbers that a predecessor left in it."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._map(max(os.fstat(self._descriptor).st_size, BLOCK))
        self._used = self._header[0] or HEADER
        self._cells = {key: offset // 8 for key, offset in _entries(self._bytes, self._used)}
        self._header[0] = self._used

    def cell(self, key: bytes) -> "tuple[memoryview[float], int]":
        """Return the numbers of the file, and the index of this one; a new number is 0."""
        if key not in self._cells:
            length = _padded(len(key))
            if self._used + length + 16 > len(self._bytes):
                self._map(len(self._bytes) + BLOCK)
            start = self._used
            # May overwrite an entry that a killed process did not finish.
            entry = struct.pack(f"i{length - 4}sdd", len(key), key.ljust(length - 4), 0.0, 0.0)
            self._bytes[start : start + len(entry)] = entry
            self._used += len(entry)
            self._header[0] = self._used
            self._cells[key] = (start + length) // 8
        return self._numbers, self._cells[key]

    def _map(self, size: int) -> None:
        """Map `size` bytes of the file. Earlier, smaller mappings stay valid. Raise OSError.

        The disk space is reserved first: a process that writes to a memory-mapped file on a full
        disk is killed.
        """
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._descriptor, 0, size)
        else:  # macOS
            os.ftruncate(self._descriptor, size)
        self._bytes = memoryview(mmap.mmap(self._descriptor, size))
        self._numbers: memoryview[float] = self._bytes.cast("d")
        self._header = self._bytes[:4].cast("i")


class Number(NamedTuple):
    """A number in a file, and its offset in bytes."""

    value: float
    offset: int


def find_number(path: Path, name: str, **labels: str) -> Number | None:
    """Return the number with this name and these labels, None if the file lacks it."""
    content = path.read_bytes() if path.exists() else b""
    if not content:  # its process has only just created it
        return None
    (used,) = struct.unpack_from("i", content)
    for key, offset in _entries(content, used):
        if json.loads(key)[1:3] == [name, labels]:
            (value,) = struct.unpack_from("d", content, offset)
            return Number(value, offset)
    return None


def add_to_number(path: Path, number: Number, amount: float) -> None:
    """Add to a number in a file whose process has ended."""
    with path.open("r+b") as file:
        file.seek(number.offset)
        file.write(struct.pack("d", number.value + amount))


def _entries(content: bytes | memoryview, used: int) -> Iterator[tuple[bytes, int]]:
    """Yield each key with the offset of its number."""
    offset = HEADER
    while offset < used:
        (length,) = struct.unpack_from("i", content, offset)
        key = bytes(content[offset + 4 : offset + 4 + length])
        offset += _padded(length)
        yield key, offset
        offset += 16


def _padded(length: int) -> int:
    """Return the bytes that a key takes together with its length and the spaces after it."""
    return length + 4 + 8 - (length + 4) % 8
