"""Check whether the origins of clips still serve their audio, and save the results.

Several hosts are inspected at once, with one request at a time to each and pauses. The command
`check_sources` runs the checks and stores the results in `Clip.health` and the columns beside it.
No listener waits for a check.
"""

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from queue import PriorityQueue, SimpleQueue
from threading import Thread

from django.utils import timezone

from library.audio.inspection import SourceReport
from library.models import Clip
from library.sources.due_clips import DueClip

# The host did not respond, or the network between failed: not a failure of one URL.
NO_RESPONSE = {"origin_dns_failed", "origin_unreachable", "origin_tls_failed", "origin_timeout"}
HERE = {"store_unavailable"}  # the fault of this machine
GIVE_UP_AFTER = 3  # consecutive clips of a host without a response, each inspected twice
TOO_MANY_REQUESTS = 429
SEVERAL_HOSTS = 3  # without a response: with none that responds, the local network is suspected

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

    @property
    def has_other_size(self) -> bool:
        """Whether the audio has another size than before, so that it is other audio."""
        sizes = {self.clip.size_bytes, self.report.size_bytes if self.report else None}
        return len(sizes - {None}) > 1


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


class NoOriginRespondsError(Exception):
    """None of several hosts responded. The local network has failed, probably not the clips."""


@dataclass
class CheckSummary:
    """The numbers of clips by result. `broken` and `recovered` clips have changed their health."""

    ok: int = 0
    failing: int = 0
    broken: int = 0
    recovered: int = 0
    postponed: int = 0  # host responded with 429, full disk here, or an editor changed the source

    def __str__(self) -> str:
        checked = self.ok + self.failing
        text = f"Checked {checked}: {self.ok} ok, {self.failing} failing"
        text += f" ({self.broken} newly broken), {self.recovered} recovered"
        return text + (f"; {self.postponed} postponed" if self.postponed else "") + "."


def plausible_results(results: Iterable[CheckResult]) -> Iterator[CheckResult]:
    """Yield the results, but hold back hosts that do not respond until another host responds.

    Raises NoOriginRespondsError if in the end none of several hosts has responded. Otherwise an
    unplugged cable here would mark every clip in the library as failing.
    """
    held: list[CheckResult] = []
    network_works = False
    for result in results:
        # Uploads say nothing about the network; a clip that keeps failing does not change.
        if result.clip.audio_file or result.clip.is_failing:
            yield result
            continue
        held.append(result)
        if result.report is None or result.report.code not in NO_RESPONSE:
            network_works = True
        if network_works:
            yield from held
            held.clear()
    if len({result.clip.host for result in held}) >= SEVERAL_HOSTS:
        raise NoOriginRespondsError
    yield from held


def save_result(result: CheckResult, summary: CheckSummary) -> str | None:
    """Save a result and return `broken` or `recovered` if the clip's health has changed."""
    clip, report = result.clip, result.report
    # An editor may have changed the source since the inspection: then the result does not apply.
    unchanged = Clip.objects.not_deleted().filter(
        pk=clip.pk, audio_url=clip.audio_url, audio_file=clip.audio_file
    )
    if report is None or report.code in HERE:
        # Move the clip to the end of the queue, so that others are checked first.
        unchanged.update(health_checked_at=timezone.now())
        summary.postponed += 1
    elif not unchanged.note_source(report.code, report.content_type, report.size_bytes):
        summary.postponed += 1
    elif report.code is None:
        summary.ok += 1
        summary.recovered += clip.is_failing
        return "recovered" if clip.is_failing else None
    else:
        summary.failing += 1
        summary.broken += not clip.is_failing
        return None if clip.is_failing else "broken"
    return None
