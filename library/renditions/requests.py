"""Which renditions to make: those that clients request, and those made in advance."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import Enum, auto

from django.conf import settings
from django.db.models import QuerySet, Sum
from django.utils import timezone

from library.audio.errors import CAUSES
from library.models import AudioAnalysis, Clip, Rendition
from library.renditions.publishing import list_current
from library.renditions.recipe import recipe
from library.renditions.variants import Variant, in_advance, on_demand, variant_of
from library.sound.failures import REASONS

DEFERRED_AGAIN = timedelta(minutes=1)  # in case that its task was cancelled or lost
TRIED_AGAIN = timedelta(minutes=1)  # after a failure that may be over
BATCH = 500  # clips
ROOM = 0.9  # of the allowed bytes, that remain after the oldest renditions were deleted


class Outcome(Enum):
    """The outcome of a request that has not failed."""

    DEFER = auto()  # a task must be deferred
    PENDING = auto()  # it was deferred before
    FULL = auto()  # too many wait, or too many bytes are stored


def request(clip_id: int, variant: Variant) -> Outcome | str:
    """Return how to go on with a request for a rendition that its clip does not list.

    Return the code of the failure if it cannot be made: a key of REASONS or CAUSES.
    """
    now = timezone.now()
    row = Rendition.objects.filter(clip_id=clip_id, **variant._asdict()).first()
    if row is not None and row.state == Rendition.State.PENDING:
        if row.requested_at > now - DEFERRED_AGAIN:
            return Outcome.PENDING
    elif row is not None and row.failure and not _may_succeed(row, now):
        return row.failure
    if variant not in in_advance() and _is_full():
        return Outcome.FULL
    return Outcome.DEFER


def note_pending(clip_id: int, variant: Variant) -> None:
    """Note that a task that makes this rendition is deferred."""
    Rendition.objects.update_or_create(
        clip_id=clip_id,
        **variant._asdict(),
        defaults={"state": Rendition.State.PENDING, "requested_at": timezone.now()},
    )


def _may_succeed(row: Rendition, now: datetime) -> bool:
    """Return whether to make a rendition again that has failed."""
    failure = row.failure or ""
    if failure in CAUSES or (failure in REASONS and REASONS[failure].retry):
        return row.made_at is None or row.made_at < now - TRIED_AGAIN
    return variant_of(row) in to_make([row.clip])[row.clip_id]


def _is_full() -> bool:
    rows = Rendition.objects.filter(on_demand())
    if rows.filter(state=Rendition.State.PENDING).count() >= settings.CLIPS_RENDITION_QUEUE:
        return True
    return _bytes(rows) >= settings.CLIPS_RENDITION_BYTES


def to_make(clips: Iterable[Clip]) -> dict[int, list[Variant]]:
    """Return the variants to make without a request, by the id of a clip.

    These are the configured ones that are missing, unless the audio cannot be decoded, and all that
    are outdated. Clips without a current analysis have none: their audio is unknown.
    """
    by_id = {clip.pk: clip for clip in clips}
    rows = defaultdict[int, dict[Variant, Rendition]](dict)
    for row in Rendition.objects.filter(clip__in=by_id):
        rows[row.clip_id][variant_of(row)] = row
    found = defaultdict[int, list[Variant]](list)
    analyses = AudioAnalysis.objects.filter(clip__in=by_id).only("sha256", "source", "failure")
    for analysis in analyses:
        clip = by_id[analysis.clip_id]
        if analysis.source == clip.source:
            known = rows[clip.pk]
            configured = () if analysis.failure else in_advance()
            found[clip.pk] = [
                variant
                for variant in dict.fromkeys((*configured, *known))
                if variant not in known
                or known[variant].recipe != recipe(clip, analysis.sha256, variant)
            ]
    return found


def clips_to_renew() -> Iterator[tuple[int, list[Variant]]]:
    """Yield the ids of all clips with something to make, and the variants.

    There is some after a change of the settings, or of the encoder.
    """
    last = 0
    while batch := Clip.objects.not_deleted().filter(pk__gt=last).order_by("pk")[:BATCH]:
        yield from ((pk, variants) for pk, variants in to_make(batch).items() if variants)
        last = max(clip.pk for clip in batch)


def delete_surplus() -> None:
    """Delete the oldest renditions that were made on demand, if they take too many bytes."""
    rows = Rendition.objects.filter(on_demand(), state=Rendition.State.READY)
    stored, limit = _bytes(rows), settings.CLIPS_RENDITION_BYTES
    if stored < limit:
        return
    for row in rows.order_by("made_at"):
        stored -= row.size_bytes or 0
        row.delete()
        list_current(row.clip_id)
        if stored <= ROOM * limit:
            return


def _bytes(rows: QuerySet[Rendition]) -> int:
    return rows.aggregate(bytes=Sum("size_bytes"))["bytes"] or 0
