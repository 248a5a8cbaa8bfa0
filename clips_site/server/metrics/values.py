"""The numbers of prometheus-client's instruments, kept in the files of this process's slot.

This replaces the client's own class for multiprocess mode, which checks the process id, calls seven
functions and packs two numbers for each event. That would be most of the cost of measuring a
request. The client's collector reads these files as it reads its own.
"""

import logging
from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import RLock
from typing import Any

from prometheus_client.mmap_dict import mmap_key

from clips_site.server.metrics.slot_files import SlotFile

logger = logging.getLogger(__name__)

# Guards the numbers of all files, for a moment each time. Reentrant: the garbage collector may run
# while the lock is held and close an abandoned stream, which counts that.
_changing = RLock()


class Slot:
    """The files in which this process counts."""

    def __init__(self, folder: Path) -> None:
        """Keep numbers in memory, where nothing reads them, until `use` names the slot."""
        self._folder = folder
        self._name: str | None = None
        self._files: dict[str, SlotFile] = {}
        self._values: list[Value] = []

    def use(self, name: str) -> None:
        """Count in this slot from now on, also with the instruments made before the fork."""
        with _changing:
            self._name = name
            self._files = {}
            for value in self._values:
                value.move_to(self)

    def add(self, value: "Value") -> None:
        with _changing:
            value.move_to(self)
            self._values.append(value)

    def cell(self, kind: str, key: bytes) -> "tuple[memoryview[float], int]":
        """Return the numbers of the file for this kind of instrument, and the index of one."""
        if self._name is None:
            return _in_memory()
        try:
            if kind not in self._files:
                self._files[kind] = SlotFile(self._folder / f"{kind}_{self._name}.db")
            return self._files[kind].cell(key)
        except OSError:  # the service goes on without this number
            logger.exception("Metrics cannot be kept in %s", self._folder)
            return _in_memory()


def _in_memory() -> "tuple[memoryview[float], int]":
    return memoryview(array("d", [0.0])), 0


class Value:
    """One number, with the interface that prometheus-client expects of `values.ValueClass`."""

    __slots__ = ("_key", "_kind", "index", "numbers")
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
        """The client chose the names of the parameters."""
        self._kind = f"{typ}_{multiprocess_mode}" if typ == "gauge" else typ
        names, values = list(labelnames), list(labelvalues)
        self._key = mmap_key(metric_name, name, names, values, help_text).encode()
        self.slot.add(self)

    def move_to(self, slot: Slot) -> None:
        self.numbers, self.index = slot.cell(self._kind, self._key)

    def inc(self, amount: float) -> None:
        with _changing:
            self.numbers[self.index] += amount

    @staticmethod
    def observer(
        bounds: Sequence[float], total: "Value", counts: "Sequence[Sequence[Value]]"
    ) -> Callable[[float], None]:
        """Return a function that adds an amount to a total and 1 to each count of its bucket.

        All in one step, which costs little more than one `inc`.
        """

        def observe(amount: float) -> None:
            with _changing:
                total.numbers[total.index] += amount
                for count in counts[bisect_left(bounds, amount)]:
                    count.numbers[count.index] += 1

        return observe

    def set(self, value: float, timestamp: float | None = None) -> None:
        with _changing:
            self.numbers[self.index] = value

    def get(self) -> float:
        return self.numbers[self.index]

    def set_exemplar(self, exemplar: object) -> None:
        """Do nothing: exemplars are not supported."""

    def get_exemplar(self) -> None:
        """Return None: exemplars are not supported."""
