"""Which renditions to make: those that clients request, and those made in advance."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache

from django.conf import settings
from django.db.models import QuerySet, Sum
from django.utils import timezone

from library.audio.errors import CAUSES
from library.models import AudioAnalysis, Clip, Rendition
from library.renditions.publishing import delete
from library.renditions.recipe import recipe
from library.renditions.variants import Variant, in_advance, on_demand, variant_of
from library.sound.failures import REASONS

TRIED_AGAIN = timedelta(minutes=1)  # after a failure that may be over
SUM_KEPT = 30.0  # seconds, because the whole table is read for it
BATCH = 500  # clips or renditions
ROOM = 0.9  # of the allowed bytes, that remain after the oldest renditions were deleted


def failure_of(clip_id: int, variant: Variant) -> str | None:
    """Return the code of the failure of a rendition that its clip does not list, if it is final.

    It is a key of REASONS or CAUSES.
    """
    row = Rendition.objects.filter(clip_id=clip_id, **variant._asdict()).first()
    if row is None or row.state == Rendition.State.PENDING or not row.failure:
        return None
    return None if _may_succeed(row, timezone.now()) else row.failure


def has_room(variant: Variant) -> bool:
    """Return whether there is room for a file that a client has requested."""
    if variant in in_advance():
        return True
    return stored_bytes(int(time.monotonic() / SUM_KEPT)) < settings.CLIPS_RENDITION_BYTES


@lru_cache(maxsize=1)
def stored_bytes(period: int) -> int:
    """Return how many bytes the renditions made on demand take. It is read once in each period."""
    return _bytes(Rendition.objects.filter(on_demand()))


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
    rows = Rendition.objects.filter(on_demand()).exclude(state=Rendition.State.PENDING)
    stored, limit = _bytes(rows), settings.CLIPS_RENDITION_BYTES
    if stored < limit:
        return
    for row in rows.exclude(file="").order_by("made_at").iterator(BATCH):
        if delete(row):
            stored -= row.size_bytes or 0
        if stored <= ROOM * limit:
            break
    stored_bytes.cache_clear()


def pending_since(before: datetime) -> Iterator[list[Rendition]]:
    """Yield the renditions that are pending since an earlier time, in batches."""
    rows = Rendition.objects.filter(state=Rendition.State.PENDING, requested_at__lt=before)
    last = 0
    while batch := [*rows.filter(pk__gt=last).order_by("pk")[:BATCH]]:
        yield batch
        last = batch[-1].pk


def end_pending(keys: list[int], before: datetime) -> None:
    """End the wait for renditions without a task, unless they were requested again."""
    rows = Rendition.objects.filter(
        pk__in=keys, state=Rendition.State.PENDING, requested_at__lt=before
    )
    rows.exclude(failure=None).update(state=Rendition.State.FAILED)
    rows.filter(file="").delete()
    rows.update(state=Rendition.State.READY)


def _bytes(rows: QuerySet[Rendition]) -> int:
    return rows.aggregate(bytes=Sum("size_bytes"))["bytes"] or 0
