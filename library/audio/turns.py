"""Fair turns for downloads from one host, and places for the downloads of a process.

An origin should not get many new requests at once, and slow URLs should not keep other listeners of
the same host waiting. A download therefore needs one of the host's slots, which all processes
share, but only for a turn. If it takes longer, it goes on without a slot, so that the next one in
the queue can begin. Turns get shorter as the queue gets longer.
"""

import os
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Condition, Lock, Timer

from library.audio.errors import AudioUnavailableError
from library.audio.locks import FULL, host_of, poll_intervals, try_lock

LONGEST_TURN = 0.5  # seconds, also while no download of this process waits
SHORTEST_TURN = 0.1
QUEUE_SHARE = 0.5  # of the time that the first in the queue can still wait, for the whole queue


class _Slot:
    """A lock that all processes share. It can be given back twice."""

    def __init__(self, descriptor: int) -> None:
        self.began = time.monotonic()
        self._descriptor: int | None = descriptor
        self._lock = Lock()

    @property
    def held(self) -> bool:
        return self._descriptor is not None

    def give_back(self) -> None:
        with self._lock:
            descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


@dataclass
class _Host:
    """The downloads of this process from one host: those that wait, and the slots of the others."""

    queue: deque[object] = field(default_factory=deque)
    slots: set[_Slot] = field(default_factory=set)


_hosts: dict[str, _Host] = {}
_changed = Condition()


@contextmanager
def turn(folder: Path, url: str, slots: int, timeout: float) -> Iterator[None]:
    """Wait for a turn to download from the URL's host. It ends by itself or with the block.

    Raises AudioUnavailableError if there is none within `timeout` seconds.
    """
    name = host_of(url)
    ticket = object()
    with _changed:
        host = _hosts.setdefault(name, _Host())
        host.queue.append(ticket)
    try:
        slot = _wait_for_slot(host, ticket, folder / _file_name(name), slots, timeout)
    finally:
        with _changed:
            host.queue.remove(ticket)
            _forget_if_idle(name, host)
            _changed.notify_all()
    timer = Timer(LONGEST_TURN, slot.give_back)
    timer.daemon = True
    try:
        with suppress(RuntimeError):  # no further thread can start: the turn ends with the block
            timer.start()
        yield
    finally:
        timer.cancel()
        slot.give_back()
        with _changed:
            host.slots.discard(slot)
            _forget_if_idle(name, host)


def _forget_if_idle(name: str, host: _Host) -> None:
    if not host.queue and not host.slots:
        _hosts.pop(name, None)


def _wait_for_slot(host: _Host, ticket: object, path: Path, slots: int, timeout: float) -> _Slot:
    """Wait until this is the first in the queue and one of the slots is free."""
    deadline = time.monotonic() + timeout
    with _changed:
        _changed.wait_for(lambda: host.queue[0] is ticket, timeout)
    for interval in poll_intervals(deadline):
        for number in range(slots):
            descriptor = _try_slot(path.with_name(f"{path.name}.{number}.slot"))
            if descriptor is not None:
                slot = _Slot(descriptor)
                with _changed:
                    host.slots.add(slot)
                return slot
        with _changed:
            now = time.monotonic()
            seconds = (deadline - now) * QUEUE_SHARE * slots / len(host.queue)
            ended = now - max(SHORTEST_TURN, seconds)
            over = [slot for slot in host.slots if slot.held and slot.began < ended]
        for slot in over:
            slot.give_back()
        if not over:
            time.sleep(interval)
    raise AudioUnavailableError("origin_busy")


def _try_slot(path: Path) -> int | None:
    """Return a descriptor that holds the slot, or None. On a full disk, no slot is needed."""
    try:
        return try_lock(path)
    except OSError as error:
        if error.errno not in FULL:
            raise
        return os.open(os.devnull, os.O_RDONLY)


def _file_name(host: str) -> str:
    return sha256(host.encode()).hexdigest()[:16]


class Places:
    """The places for downloads of a process, of which one host gets at most half."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._taken: Counter[str] = Counter()
        self._lock = Lock()

    def take(self, url: str) -> bool:
        """Take a place for a download and return whether one was free."""
        host = host_of(url)
        with self._lock:
            full = self._taken.total() >= self._number
            if full or self._taken[host] >= max(1, self._number // 2):
                return False
            self._taken[host] += 1
            return True

    def give_back(self, url: str) -> None:
        host = host_of(url)
        with self._lock:
            self._taken[host] -= 1
            if not self._taken[host]:
                del self._taken[host]
