"""Numbers of Prometheus' client, kept in the files of this process's slot.

The client's own class for many processes does the same in the same format, and its collector reads
these files; but it asks for the process id, walks through seven functions and packs two numbers for
each event that it counts, which is most of what measuring a request would cost.

A file begins with how much of it is used, in 4 bytes, and 4 that are empty. Then come entries: the
length of the key in 4 bytes, the key, spaces up to a multiple of 8 bytes, and two doubles, the
number and a time that is not used here. An entry is written before it is used, and each number by
one store of 8 aligned bytes: whoever reads meanwhile, or counts on after this process was killed,
finds what was counted before or after an event, never half of it.
"""

import json
import logging
import mmap
import os
import struct
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple

from prometheus_client.mmap_dict import MmapedDict, mmap_key

logger = logging.getLogger(__name__)

HEADER = 8  # bytes
BLOCK = 1 << 18  # bytes by which a file grows

# Numbers of all files; who holds it does so for a moment. Reentrant, since the garbage collector
# may come in between, close a stream that somebody forgot, and so count that.
_changing = RLock()


class SlotFile:
    """One file of a slot, in which this process alone writes."""

    def __init__(self, path: Path) -> None:
        """Take up what a predecessor has left there."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._cells: dict[bytes, int] = {}
        self._map(max(os.fstat(self._descriptor).st_size, BLOCK))
        self._used = self._header[0] or HEADER
        place = HEADER
        while place < self._used:
            (length,) = struct.unpack_from("i", self._bytes, place)
            key = bytes(self._bytes[place + 4 : place + 4 + length])
            place += _padded(length)
            self._cells[key] = place // 8
            place += 16
        self._header[0] = self._used

    def cell(self, key: bytes) -> "tuple[memoryview[float], int]":
        """The numbers of the file, and the place among them of this one; 0 if it is new."""
        if key not in self._cells:
            length = _padded(len(key))
            if self._used + length + 16 > len(self._bytes):
                self._map(len(self._bytes) + BLOCK)
            start = self._used
            # Over what may be left of an entry that was never used.
            entry = struct.pack(f"i{length - 4}sdd", len(key), key.ljust(length - 4), 0.0, 0.0)
            self._bytes[start : start + len(entry)] = entry
            self._used += len(entry)
            self._header[0] = self._used
            self._cells[key] = (start + length) // 8
        return self._numbers, self._cells[key]

    def _map(self, size: int) -> None:
        """See `size` bytes of the file; who sees fewer goes on seeing the same.

        Raises OSError. The disk must have room for them: a process that writes to a file which lies
        on a full disk, by memory, is killed.
        """
        _reserve(self._descriptor, size)
        self._bytes = memoryview(mmap.mmap(self._descriptor, size))
        self._numbers: memoryview[float] = self._bytes.cast("d")
        self._header = self._bytes[:4].cast("i")


def _reserve(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:  # macOS
        os.ftruncate(descriptor, size)


def _padded(length: int) -> int:
    """Bytes that a key of this length takes with its length before and the spaces behind it."""
    return length + 4 + 8 - (length + 4) % 8


class Number(NamedTuple):
    """What stands in a file, and where."""

    value: float
    place: int  # in bytes


def numbers_in(path: Path, name: str, **labels: str) -> Iterator[Number]:
    """Those of this name and these labels in a file, which may be missing or still empty."""
    if path.exists() and path.stat().st_size:
        for key, value, _, place in MmapedDict.read_all_values_from_file(path):  # type: ignore[no-untyped-call]
            if json.loads(key)[1:3] == [name, labels]:
                yield Number(value, place)


def add_in(path: Path, number: Number, amount: float) -> None:
    """Add to a number in a file of a process that has ended."""
    with path.open("r+b") as file:
        file.seek(number.place)
        file.write(struct.pack("d", number.value + amount))


class Slot:
    """The files of the slot that this process counts in."""

    def __init__(self, folder: Path) -> None:
        """Until it takes a slot, this process keeps what it counts in memory, where none reads."""
        self._folder = folder
        self._name: str | None = None
        self._files: dict[str, SlotFile] = {}
        self._values: list[Value] = []

    def take(self, name: str) -> None:
        """Count under this name from now on, what was there before the fork included."""
        with _changing:
            self._name = name
            self._files = {}
            for value in self._values:
                value.move(self)

    def add(self, value: "Value") -> None:
        """Give a new number its place."""
        with _changing:
            value.move(self)
            self._values.append(value)

    def cell(self, kind: str, key: bytes) -> "tuple[memoryview[float], int]":
        """A number's place, in the file of its kind."""
        if self._name is None:
            return _in_memory()
        try:
            if kind not in self._files:
                self._files[kind] = SlotFile(self._folder / f"{kind}_{self._name}.db")
            return self._files[kind].cell(key)
        except OSError:  # what is to be counted goes on, uncounted
            logger.exception("Metrics cannot be kept in %s", self._folder)
            return _in_memory()


def _in_memory() -> "tuple[memoryview[float], int]":
    return memoryview(array("d", [0.0])), 0


class Value:
    """One number, to the interface that Prometheus' client asks of its values."""

    __slots__ = ("_key", "_kind", "numbers", "place")
    _multiprocess = True
    slot: Slot

    def __init__(
        self,
        typ: str,
        metric_name: str,
        name: str,
        labelnames: Sequence[str],
        labelvalues: Sequence[str],
        help_text: str,
        multiprocess_mode: str = "",
        **_: Any,
    ) -> None:
        """`typ` and what follows are the client's names."""
        self._kind = f"{typ}_{multiprocess_mode}" if typ == "gauge" else typ
        names, values = list(labelnames), list(labelvalues)
        self._key = mmap_key(metric_name, name, names, values, help_text).encode()
        self.slot.add(self)

    def move(self, slot: Slot) -> None:
        """Go on with the number of another slot."""
        self.numbers, self.place = slot.cell(self._kind, self._key)

    def inc(self, amount: float) -> None:
        """Add to it."""
        with _changing:
            self.numbers[self.place] += amount

    @staticmethod
    def observer(
        bounds: Sequence[float], total: "Value", counts: "Sequence[Sequence[Value]]"
    ) -> Callable[[float], None]:
        """What adds an amount to a total, and 1 to each of the counts of the bucket it belongs to.

        At once: together they cost little more than one.
        """

        def observe(amount: float) -> None:
            with _changing:
                total.numbers[total.place] += amount
                for count in counts[bisect_left(bounds, amount)]:
                    count.numbers[count.place] += 1

        return observe

    def set(self, value: float, timestamp: float | None = None) -> None:
        """Make it this."""
        with _changing:
            self.numbers[self.place] = value

    def get(self) -> float:
        """Read it."""
        return self.numbers[self.place]

    def set_exemplar(self, exemplar: object) -> None:
        """Exemplars are not kept."""

    def get_exemplar(self) -> None:
        """There is none."""
