"""Group work: items that several requests submit at the same time share one call."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Condition, Thread
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class BatchError(Exception):
    """An item has no result.

    Either the call for its group failed, and `__cause__` is the exception. Or no call took the item
    in time, and none will.
    """


class _Waiting(NamedTuple, Generic[Item, Result]):
    item: Item
    future: Future[Result]
    deadline: float  # monotonic time


class Batcher(Generic[Item, Result]):
    """Process items in groups, in a thread of its own.

    Each call takes all items that are waiting. So groups grow as calls get slower, and while calls
    are fast a group is a single item.
    """

    def __init__(
        self,
        name: str,
        function: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        patience: float = 10.0,
        most: int = 1_000,
    ) -> None:
        """`function` gets a group of at most `most` items. It returns a result for each, or raises.

        `patience` is the longest time in seconds that an item waits to be taken.
        """
        self._name = name
        self._function = function
        self._patience = patience
        self._most = most
        self._queue: deque[_Waiting[Item, Result]] = deque()
        self._changed = Condition()
        self._thread: Thread | None = None

    def submit(self, item: Item) -> Future[Result]:
        """Return the future result of the item; its exception is a BatchError.

        The future may be cancelled until the item is taken; the item is not processed then. Its
        callbacks run in the batcher's thread, so they must be quick. Any thread may call this.
        """
        future = Future[Result]()
        with self._changed:
            self._queue.append(_Waiting(item, future, time.monotonic() + self._patience))
            # Not at import, because threads do not survive a fork.
            if self._thread is None or not self._thread.is_alive():
                self._start()
            self._changed.notify()
        return future

    def _start(self) -> None:
        self._thread = Thread(target=self._keep_processing, name=self._name, daemon=True)
        self._thread.start()
        Thread(target=self._keep_expiring, name=f"{self._name} (limit)", daemon=True).start()

    def _keep_processing(self) -> None:
        while True:
            with self._changed:
                while not self._queue:
                    self._changed.wait()
                number = min(len(self._queue), self._most)
                taken = [self._queue.popleft() for _ in range(number)]
            group = [waiting for waiting in taken if _claim(waiting.future)]
            if group:
                self._process(group)

    def _process(self, group: Sequence[_Waiting[Item, Result]]) -> None:
        try:
            results = self._function([waiting.item for waiting in group])
            if len(results) != len(group):
                raise ValueError(f"{len(results)} results for {len(group)} items")  # noqa: TRY301
        except BaseException as error:
            for waiting in group:
                _fail(waiting.future, error)
        else:
            for waiting, result in zip(group, results, strict=True):
                waiting.future.set_result(result)

    def _keep_expiring(self) -> None:
        """Fail the items that have waited too long, even while a call blocks the other thread.

        An item that is submitted during a pause doesn't expire before its end.
        """
        pause = self._patience
        while True:
            time.sleep(pause)
            now = time.monotonic()
            expired = []
            with self._changed:
                while self._queue and self._queue[0].deadline <= now:
                    expired.append(self._queue.popleft().future)
                pause = self._queue[0].deadline - now if self._queue else self._patience
            for future in expired:
                if _claim(future):
                    _fail(future, None)


def _claim(future: Future[Result]) -> bool:
    """Return whether the future may get a result; it can no longer be cancelled."""
    return future.set_running_or_notify_cancel()


def _fail(future: Future[Result], cause: BaseException | None) -> None:
    """Give the future an exception of its own: raising a shared one would extend its traceback."""
    failure = BatchError()
    failure.__cause__ = cause
    future.set_exception(failure)
