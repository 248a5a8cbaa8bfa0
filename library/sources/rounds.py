"""A round of checks: inspect clips' sources, and save each result as it comes in."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from queue import Empty, SimpleQueue

from django.utils import timezone

from library.advisory_locks import advisory_lock
from library.sources.checking import (
    CheckResult,
    CheckSummary,
    Pace,
    SourceChecker,
    plausible_results,
    save_result,
)
from library.sources.due_clips import DueClip, due_clips
from library.sources.opening import SourceReport, inspect_source, inspect_upload

POLL = 0.25  # seconds between two looks whether the round should stop
MOST_CLIPS = 100_000  # of a round
# "Check": the key of an advisory lock that nothing else uses. Two rounds would hurry a host.
LOCK = 0x436865636B


class SourceRound:
    """Checks some clips. If it is stopped, the results so far are saved."""

    def __init__(
        self,
        should_stop: Callable[[], bool],
        *,
        pace: Pace | None = None,
        whole: bool = False,
        suspect_network: bool = True,
    ) -> None:
        """`should_stop` is called several times a second.

        `whole` fetches whole files. `suspect_network` saves no failure of a host that does not
        respond before another host responds.
        """
        self.summary = CheckSummary()
        self.changed: list[int] = []  # clips whose audio has another size than before
        self.stopped = False
        self._should_stop = should_stop
        self._pace = pace or Pace()
        self._whole = whole
        self._suspect_network = suspect_network

    def results(self, clips: Sequence[DueClip]) -> Iterator[tuple[CheckResult, str | None]]:
        """Save results, and yield each with the change of the clip's health, if any.

        Raises NoOriginRespondsError.
        """
        results = self._inspect_all(clips)
        for result in plausible_results(results) if self._suspect_network else results:
            if result.has_other_size:
                self.changed.append(result.clip.pk)
            yield result, save_result(result, self.summary)

    def _inspect_all(self, clips: Sequence[DueClip]) -> Iterator[CheckResult]:
        for clip in clips:
            if clip.audio_file:
                if self._stops():
                    return
                yield CheckResult(clip, inspect_upload(clip.audio_file, head_only=not self._whole))
        remote = [clip for clip in clips if clip.audio_url]
        results: SimpleQueue[CheckResult | None] = SimpleQueue()
        checker = SourceChecker(remote, self._inspect, self._pace, results)
        try:
            for _ in remote:
                result = self._next(results)
                if result is None:
                    return
                yield result
        finally:
            checker.close()

    def _inspect(self, clip: DueClip) -> SourceReport:
        """Inspect a URL. Fetch the whole file if neither the origin nor the clip gives its size."""
        if self._whole:
            return inspect_source(clip.audio_url)
        report = inspect_source(clip.audio_url, head_only=True)
        if report.code is None and report.size_bytes is None and clip.size_bytes is None:
            return inspect_source(clip.audio_url)
        return report

    def _next(self, results: SimpleQueue[CheckResult | None]) -> CheckResult | None:
        """Return the next result, or None if the round is stopped and no result has come in."""
        while True:
            try:
                return results.get(timeout=0 if self._stops() else POLL)
            except Empty:
                if self.stopped:
                    return None

    def _stops(self) -> bool:
        self.stopped = self.stopped or self._should_stop()
        return self.stopped


def check_due_sources(older_than: float, should_stop: Callable[[], bool]) -> SourceRound:
    """Check the clips that were not checked within so many seconds. Return the round.

    Raises LockHeldError or NoOriginRespondsError.
    """
    source_round = SourceRound(should_stop)
    with advisory_lock(LOCK):
        not_since = timezone.now() - timedelta(seconds=older_than)
        for _ in source_round.results(due_clips(limit=MOST_CLIPS, not_since=not_since)):
            pass
    return source_round


def check_sources_of(clip_ids: list[int], should_stop: Callable[[], bool]) -> SourceRound:
    """Check these clips, whenever they were checked before. Return the round.

    Raises LockHeldError.
    """
    source_round = SourceRound(should_stop, suspect_network=False)
    with advisory_lock(LOCK):
        for _ in source_round.results(due_clips(limit=len(clip_ids), clip_ids=clip_ids)):
            pass
    return source_round
