"""What is made of what was found: whether it may be believed, and what is kept of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils import timezone

from library.models import Clip
from library.sources.checking.source_checker import SILENT, Found

SEVERAL = 3  # hosts that are silent at once, and nobody who answers


class NobodyAnswersError(Exception):
    """None of several hosts answered: that tells of our own network, and nothing of clips."""


@dataclass
class Tally:
    """How many clips were found how; `broken` and `recovered` are those whose health changed."""

    ok: int = 0
    failing: int = 0
    broken: int = 0
    recovered: int = 0
    put_off: int = 0  # the host wants to be asked later, or an editor has changed the source

    def __str__(self) -> str:
        checked = self.ok + self.failing
        told = f"Checked {checked}: {self.ok} ok, {self.failing} failing"
        told += f" ({self.broken} newly broken), {self.recovered} recovered"
        return told + (f"; {self.put_off} put off" if self.put_off else "") + "."


def believable(found: Iterable[Found]) -> Iterator[Found]:
    """The same, but silent hosts only once somebody has answered.

    If nobody has in the end, and there were several to ask, NobodyAnswersError is raised: else a
    cable pulled here would break every clip of the library.
    """
    held: list[Found] = []
    answered = False
    for one in found:
        if one.clip.audio_file or one.clip.is_failing:  # tells, or changes, nothing of that
            yield one
            continue
        held.append(one)
        answered = answered or one.report is None or one.report.code not in SILENT
        if answered:
            yield from held
            held.clear()
    if len({one.clip.host for one in held}) >= SEVERAL:
        raise NobodyAnswersError
    yield from held


def note(found: Found, tally: Tally) -> str | None:
    """Keep what was found; `broken` or `recovered` if that is news."""
    clip, report = found.clip, found.report
    # As it was looked at: an editor may have given it another source meanwhile.
    same = Clip.objects.not_deleted().filter(
        pk=clip.pk, audio_url=clip.audio_url, audio_file=clip.audio_file
    )
    if report is None:  # behind the others, so that these get their turn
        same.update(health_checked_at=timezone.now())
        tally.put_off += 1
    elif not same.note_source(report.code, report.content_type, report.size_bytes):
        tally.put_off += 1
    elif report.code is None:
        tally.ok += 1
        tally.recovered += clip.is_failing
        return "recovered" if clip.is_failing else None
    else:
        tally.failing += 1
        tally.broken += not clip.is_failing
        return None if clip.is_failing else "broken"
    return None
