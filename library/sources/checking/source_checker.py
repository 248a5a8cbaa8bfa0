"""Looking at many sources: several hosts at once, each asked one thing at a time, with pauses."""

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from queue import PriorityQueue, SimpleQueue
from threading import Thread

from library.audio.inspection import SourceReport
from library.sources.checking.due_clips import Due

# No answer at all: of the host, or of the network between, and not of the one address.
SILENT = frozenset(
    ("origin_dns_failed", "origin_unreachable", "origin_tls_failed", "origin_timeout")
)
GIVEN_UP_AFTER = 3  # clips of a host in a row that had no answer, each asked for twice
TOO_MANY_REQUESTS = 429

Look = Callable[[Due], SourceReport]


@dataclass(frozen=True)
class Pace:
    """Hosts asked at once; seconds between requests to one, and before a second look."""

    workers: int = 8
    pause: float = 0.5
    again_after: float = 10.0


@dataclass(frozen=True)
class Found:
    """What a look found; no report if the host wants to be asked later."""

    clip: Due
    report: SourceReport | None


@dataclass(frozen=True)
class _Turn:
    clip: Due
    second: bool = False
    not_before: float = 0.0


@dataclass
class _Host:
    turns: deque[_Turn] = field(default_factory=deque)
    silent: int = 0  # clips in a row


class Looks:
    """Looks at clips' sources in threads, which end with the process.

    A failure is believed at the second look. A host that stays silent is given up: its other clips
    are reported like the last one, unasked, or one dead host would take hours.
    """

    def __init__(
        self, clips: Iterable[Due], look: Look, pace: Pace, found: SimpleQueue[Found | None]
    ) -> None:
        """One `Found` for each clip goes into the queue."""
        self._found = found
        self._look = look
        self._pace = pace
        self._closed = False
        self._numbers = itertools.count()  # equal times are served in this order
        self._ready: PriorityQueue[tuple[float, int, _Host]] = PriorityQueue()
        hosts: dict[str, _Host] = {}
        for clip in clips:
            hosts.setdefault(clip.host, _Host()).turns.append(_Turn(clip))
        for host in hosts.values():
            self._ready.put((0.0, next(self._numbers), host))
        for number in range(min(pace.workers, len(hosts))):
            Thread(target=self._work, name=f"check {number}", daemon=True).start()

    def close(self) -> None:
        """Begin no other look."""
        self._closed = True

    def _work(self) -> None:
        while not self._closed:
            ready_at, _, host = self._ready.get()
            time.sleep(max(0.0, ready_at - time.monotonic()))
            self._take_turn(host)
            if host.turns:
                ready_at = max(time.monotonic() + self._pace.pause, host.turns[0].not_before)
                self._ready.put((ready_at, next(self._numbers), host))

    def _take_turn(self, host: _Host) -> None:
        turn = host.turns.popleft()
        report = self._look(turn.clip)
        silent = report.code in SILENT
        if report.origin_status == TOO_MANY_REQUESTS:
            self._found.put(Found(turn.clip, None))
            self._end(host, None)
        elif report.code and not turn.second and (silent or not turn.clip.is_failing):
            later = replace(turn, second=True, not_before=time.monotonic() + self._pace.again_after)
            # a silent host is let alone meanwhile, others go on with their other clips
            (host.turns.appendleft if silent else host.turns.append)(later)
        else:
            self._found.put(Found(turn.clip, report))
            host.silent = host.silent + 1 if silent else 0
            if host.silent == GIVEN_UP_AFTER:
                self._end(host, report)

    def _end(self, host: _Host, report: SourceReport | None) -> None:
        """Ask this host no more; its other clips get the report."""
        for turn in host.turns:
            self._found.put(Found(turn.clip, report))
        host.turns.clear()
