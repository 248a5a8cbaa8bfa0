"""Group commit: items submitted by several threads are written in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class NotWrittenError(Exception):
    """The item has not been written, and will not be."""


@dataclass
class _Waiting(Generic[Item, Result]):
    item: Item
    called: Event = field(default_factory=Event)  # set when it must lead, or when it is done
    done: bool = False
    result: Result | None = None
    error: BaseException | None = None


class GroupCommit(Generic[Item, Result]):
    """Write items in groups. Each thread waits until its own item is committed.

    The first thread to arrive becomes the leader and commits the whole queue. Then it makes the
    first thread that arrived in the meantime the next leader. So groups grow as commits get slower,
    and while commits are fast a group is a single item.
    """

    def __init__(
        self, write: Callable[[Sequence[Item]], Sequence[Result]], patience: float = 10.0
    ) -> None:
        """`write` commits a group and returns a result for each item, or raises for all of them.

        A thread gives up if no leader has taken its item after `patience` seconds.
        """
        self._write = write
        self._patience = patience
        self._lock = Lock()
        self._queue: list[_Waiting[Item, Result]] = []
        self._writing = False

    def submit(self, item: Item) -> Result:
        """Write the item. It is committed when this returns.

        Raises NotWrittenError, with the exception of `write` as its cause if there was one.
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
            raise NotWrittenError from mine.error  # the whole group shares that exception
        return mine.result  # type: ignore[return-value]

    def _withdraw(self, mine: _Waiting[Item, Result]) -> None:
        """Leave the queue, or wait for the result if a leader has already taken the item."""
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
