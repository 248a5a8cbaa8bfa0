"""Wake the readers of a download as soon as it changes.

A topic identifies the files of one URL in the store. The thread that downloads announces each
change, and the readers in its process wake at once. Announcements do not reach other processes.
There, the reader that has waited longest polls the files and announces changes to the others. When
it stops waiting, it wakes the next one. So a crowd of readers costs no more polls than one reader.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from threading import Event, Lock
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")

ANNOUNCED_SECONDS = 0.1  # between two polls of a download in this process, which announces changes
RELIEVED_SECONDS = 1.0  # between two polls of a reader while another one polls

_lock = Lock()
_subscriptions: dict[str, OrderedDict["Subscription", None]] = {}
_downloads: Counter[str] = Counter()  # in this process, by topic


class Subscription:
    """A reader that waits for changes of a topic.

    `wake` is called in any thread, also without a change. It must return at once. `progress`
    differs after a change that another reader may be waiting for, though this one is not.
    """

    def __init__(
        self, topic: str, wake: Callable[[], object], progress: Callable[[], int] = lambda: 0
    ) -> None:
        self._topic = topic
        self.wake = wake
        self._progress = progress
        self._seen = progress()

    def __enter__(self) -> Self:
        with _lock:
            _subscriptions.setdefault(self._topic, OrderedDict())[self] = None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with _lock:
            waiting = _subscriptions[self._topic]
            polled = next(iter(waiting)) is self
            del waiting[self]
            if not waiting:
                del _subscriptions[self._topic]
                return
            successor = next(iter(waiting))
        if polled:
            successor.wake()

    def patience(self, interval: float) -> float:
        """Return how many seconds to wait for `wake` before the next poll, usually `interval`."""
        with _lock:
            if next(iter(_subscriptions[self._topic])) is not self:
                return RELIEVED_SECONDS
            announced = self._topic in _downloads
        before, self._seen = self._seen, self._progress()
        if self._seen != before:
            announce(self._topic)
        return max(interval, ANNOUNCED_SECONDS) if announced else interval


def wait_until(
    topic: str,
    ready: Callable[[], T | None],
    intervals: Iterator[float],
    progress: Callable[[], int] = lambda: 0,
) -> T:
    """Call `ready` after each change until it returns a result, and return that.

    `intervals` are the seconds between polls; it must be endless. `ready` may raise to end the
    wait. `library.audio.async_reading` has the same for an event loop.
    """
    changed = Event()
    with Subscription(topic, changed.set, progress) as subscription:
        while True:
            changed.clear()
            result = ready()
            if result is not None:
                return result
            changed.wait(subscription.patience(next(intervals)))


def announce(topic: str) -> None:
    """Wake the readers that wait for a topic."""
    with _lock:
        waiting = tuple(_subscriptions.get(topic, ()))
    for subscription in waiting:
        subscription.wake()


def begin_download(topic: str) -> None:
    """Note that a thread of this process downloads and will announce changes."""
    with _lock:
        _downloads[topic] += 1


def is_downloading(topic: str) -> bool:
    """Return whether a thread of this process downloads."""
    with _lock:
        return topic in _downloads


def end_download(topic: str) -> None:
    """Note the end of a download, whether it succeeded or failed, and announce it."""
    with _lock:
        _downloads[topic] -= 1
        if not _downloads[topic]:
            del _downloads[topic]
    announce(topic)
