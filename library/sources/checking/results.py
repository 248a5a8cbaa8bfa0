"""Filter the results of checks and save them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils import timezone

from library.models import Clip
from library.sources.checking.source_checker import NO_RESPONSE, CheckResult

SEVERAL_HOSTS = 3  # without a response: with none that responds, the local network is suspected


class NoOriginRespondsError(Exception):
    """None of several hosts responded. The local network has failed, probably not the clips."""


@dataclass
class CheckSummary:
    """The numbers of clips by result. `broken` and `recovered` clips have changed their health."""

    ok: int = 0
    failing: int = 0
    broken: int = 0
    recovered: int = 0
    postponed: int = 0  # the host responded with 429, or an editor has changed the source

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
    if report is None:  # move the clip to the end of the queue, so that others are checked first
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
