"""Group commit: what several threads want written at once is written in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class NotWrittenError(Exception):
    """The item was not written, and will not be."""


@dataclass
class _Waiting(Generic[Item, Result]):
    """One thread's item, until its group is written."""

    item: Item
    called: Event = field(default_factory=Event)  # to lead, or because it is done
    done: bool = False
    result: Result | None = None
    error: BaseException | None = None


class GroupCommit(Generic[Item, Result]):
    """Writes items in groups; each thread waits until its own is committed.

    Whoever comes while nothing is being written writes, for itself and all who wait by then, and
    hands on to the first of those who came meanwhile. So a group is as large as commits are slow,
    and one of one where they are quick.
    """

    def __init__(
        self, write: Callable[[Sequence[Item]], Sequence[Result]], patience: float = 10.0
    ) -> None:
        """`write` commits a group and returns a result for each item, or raises for all.

        Who has waited `patience` seconds without having been taken into a group gives up.
        """
        self._write = write
        self._patience = patience
        self._lock = Lock()
        self._queue: list[_Waiting[Item, Result]] = []
        self._writing = False

    def submit(self, item: Item) -> Result:
        """Have the item written; committed when this returns.

        Raises NotWrittenError, from what `write` raised if that is why.
        """
        mine = _Waiting[Item, Result](item)
        with self._lock:
            self._queue.append(mine)
            leads = not self._writing
            self._writing = True
        if not leads and not mine.called.wait(self._patience):
            self._withdraw(mine)
        if not mine.done:
            self._lead()
        if mine.error is not None:
            raise NotWrittenError from mine.error  # that itself is shared by all of the group
        return mine.result  # type: ignore[return-value]

    def _withdraw(self, mine: _Waiting[Item, Result]) -> None:
        """Leave the queue; if it is too late for that, wait for what comes of it."""
        with self._lock:
            if mine in self._queue and not mine.called.is_set():
                self._queue.remove(mine)
                raise NotWrittenError
        mine.called.wait()

    def _lead(self) -> None:
        with self._lock:
            group, self._queue = self._queue, []
        try:
            results = self._write([waiting.item for waiting in group])
            for waiting, result in zip(group, results, strict=True):
                waiting.result = result
        except BaseException as error:
            for waiting in group:
                waiting.error = error
        with self._lock:
            self._writing = bool(self._queue)
            if self._queue:
                self._queue[0].called.set()
        for waiting in group:
            waiting.done = True
            waiting.called.set()
