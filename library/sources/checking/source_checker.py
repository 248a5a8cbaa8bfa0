"""Inspect many sources: several hosts at once, one request at a time to each, with pauses."""

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from queue import PriorityQueue, SimpleQueue
from threading import Thread

from library.audio.inspection import SourceReport
from library.sources.checking.due_clips import DueClip

# The host did not respond, or the network between failed: not a failure of one URL.
NO_RESPONSE = frozenset(
    ("origin_dns_failed", "origin_unreachable", "origin_tls_failed", "origin_timeout")
)
GIVE_UP_AFTER = 3  # consecutive clips of a host without a response, each inspected twice
TOO_MANY_REQUESTS = 429

Inspect = Callable[[DueClip], SourceReport]


@dataclass(frozen=True)
class Pace:
    """The number of hosts inspected at once and the pauses between requests, in seconds."""

    workers: int = 8
    pause: float = 0.5  # between two requests to one host
    again_after: float = 10.0  # before the second inspection of a clip


@dataclass(frozen=True)
class CheckResult:
    """The result of a clip's check. `report` is None if the host responded with 429."""

    clip: DueClip
    report: SourceReport | None


@dataclass(frozen=True)
class _Inspection:
    clip: DueClip
    second: bool = False
    not_before: float = 0.0


@dataclass
class _Host:
    pending: deque[_Inspection] = field(default_factory=deque)
    unanswered: int = 0  # consecutive clips


class SourceChecker:
    """Checks clips' sources in daemon threads.

    A failure counts only if a second inspection fails, too. A host that does not respond for
    several clips is given up, or one dead host would take hours: its other clips get the last
    report without an inspection.
    """

    def __init__(
        self,
        clips: Iterable[DueClip],
        inspect: Inspect,
        pace: Pace,
        results: SimpleQueue[CheckResult | None],
    ) -> None:
        """Start the check. It puts one CheckResult for each clip into `results`."""
        self._results = results
        self._inspect = inspect
        self._pace = pace
        self._closed = False
        self._numbers = itertools.count()  # keep the order of hosts that are ready at the same time
        self._ready: PriorityQueue[tuple[float, int, _Host]] = PriorityQueue()
        hosts: dict[str, _Host] = {}
        for clip in clips:
            hosts.setdefault(clip.host, _Host()).pending.append(_Inspection(clip))
        for host in hosts.values():
            self._ready.put((0.0, next(self._numbers), host))
        for number in range(min(pace.workers, len(hosts))):
            Thread(target=self._work, name=f"check {number}", daemon=True).start()

    def close(self) -> None:
        """Start no further inspections."""
        self._closed = True

    def _work(self) -> None:
        while not self._closed:
            ready_at, _, host = self._ready.get()
            time.sleep(max(0.0, ready_at - time.monotonic()))
            self._inspect_next(host)
            if host.pending:
                ready_at = max(time.monotonic() + self._pace.pause, host.pending[0].not_before)
                self._ready.put((ready_at, next(self._numbers), host))

    def _inspect_next(self, host: _Host) -> None:
        inspection = host.pending.popleft()
        clip = inspection.clip
        report = self._inspect(clip)
        unanswered = report.code in NO_RESPONSE
        if report.origin_status == TOO_MANY_REQUESTS:
            self._results.put(CheckResult(clip, None))
            self._give_up(host, None)
        elif report.code and not inspection.second and (unanswered or not clip.is_failing):
            not_before = time.monotonic() + self._pace.again_after
            again = replace(inspection, second=True, not_before=not_before)
            # A host that does not respond gets a pause; other hosts continue with their next clip.
            (host.pending.appendleft if unanswered else host.pending.append)(again)
        else:
            self._results.put(CheckResult(clip, report))
            host.unanswered = host.unanswered + 1 if unanswered else 0
            if host.unanswered == GIVE_UP_AFTER:
                self._give_up(host, report)

    def _give_up(self, host: _Host, report: SourceReport | None) -> None:
        """Send no more requests to this host. Its other clips get the report."""
        for inspection in host.pending:
            self._results.put(CheckResult(inspection.clip, report))
        host.pending.clear()
