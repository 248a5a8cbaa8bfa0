"""The tasks that make renditions, and how requests defer them."""

from collections.abc import Iterable
from datetime import timedelta
from enum import Enum, auto

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from procrastinate import JobContext

from library.models import Clip
from library.renditions import files, requests
from library.renditions.making import NotMadeError, make, note_error
from library.renditions.publishing import list_current
from library.renditions.variants import Variant, variant_of
from library.tasks.queue import (
    AUDIO,
    BACKFILL,
    MAINTENANCE,
    RENDITIONS,
    defer,
    defer_many,
    number_due,
    periodic,
    queues_of,
    task,
)
from library.tasks.retries import MOST_ATTEMPTS, ExpectedError

FILES_KEPT = timedelta(hours=24)  # without a rendition
PENDING_KEPT = timedelta(hours=1)  # without a task
MOST = 100  # clips of one task


class Outcome(Enum):
    """The outcome of a request that has not failed."""

    DEFER = auto()  # its task was deferred
    PENDING = auto()  # it was deferred before
    FULL = auto()  # too many wait, or too many bytes are stored


@task(RENDITIONS)
def make_rendition(context: JobContext, clip_id: int, **variant: str) -> None:
    """Make one rendition of a clip and publish it. The variant is its part, format and quality."""
    try:
        make(clip_id, Variant(**variant))
    except Exception as error:
        if context.job.attempts + 1 >= MOST_ATTEMPTS:
            note_error(clip_id, Variant(**variant))
        if isinstance(error, NotMadeError):
            raise ExpectedError(str(error)) from error
        raise


@task(BACKFILL)
def renew_renditions_of(context: JobContext, clip_ids: list[int]) -> None:
    """Have the renditions of clips made that are missing or outdated."""
    renew(clip_ids, queue=BACKFILL)


@periodic("27 2 * * *", MAINTENANCE)
def renew_renditions(context: JobContext, timestamp: int) -> None:
    """Make the renditions of the whole library that are missing or outdated.

    There are some after a change of the settings, of the encoder, or of an origin that responds
    again.
    """
    for clip_id, variants in requests.clips_to_renew():
        for variant in variants:
            _defer(clip_id, variant, BACKFILL)


@periodic("7 * * * *", MAINTENANCE)
def prune_renditions(context: JobContext, timestamp: int) -> None:
    """Delete renditions made on demand beyond their limit, and those whose task was lost."""
    requests.delete_surplus()
    before = timezone.now() - PENDING_KEPT
    for rows in requests.pending_since(before):
        arguments = [{"clip_id": row.clip_id, **variant_of(row)._asdict()} for row in rows]
        queues = queues_of(make_rendition, arguments)
        lost = [row.pk for row, queue in zip(rows, queues, strict=True) if not queue]
        requests.end_pending(lost, before)


@periodic("17 4 * * *", MAINTENANCE)
def prune_rendition_files(context: JobContext, timestamp: int) -> None:
    """Delete files that no rendition has."""
    before = timezone.now() - FILES_KEPT
    for name in files.unused(before):
        files.delete_if_unused(name, before)


def request_rendition(clip_id: int, variant: Variant) -> Outcome | str:
    """Have a rendition made that a client has requested. Return a code if that has failed."""
    with transaction.atomic():
        failure = requests.failure_of(clip_id, variant)
        if failure is not None:
            return failure
        (queue,) = queues_of(make_rendition, [{"clip_id": clip_id, **variant._asdict()}])
        if queue not in ("", BACKFILL):
            return Outcome.PENDING
        has_place = number_due(RENDITIONS) < settings.CLIPS_RENDITION_QUEUE
        if has_place and requests.has_room(variant):
            _defer(clip_id, variant, RENDITIONS)
            return Outcome.DEFER
        return Outcome.PENDING if queue else Outcome.FULL


def renew(clip_ids: Iterable[int], queue: str = AUDIO) -> None:
    """Have the renditions of clips made that are missing or outdated.

    Call it after an analysis, and after a change of the preview's settings.
    """
    clips = Clip.objects.not_deleted().filter(pk__in=list(clip_ids))
    for clip in clips:
        list_current(clip.pk)
    for clip_id, variants in requests.to_make(clips).items():
        for variant in variants:
            _defer(clip_id, variant, queue)


def renew_later(clip_ids: Iterable[int]) -> None:
    """Defer `renew` of many clips, in the transaction that changes them."""
    ids = list(clip_ids)
    portions = [ids[first : first + MOST] for first in range(0, len(ids), MOST)]
    defer_many(renew_renditions_of, [{"clip_ids": portion} for portion in portions])


def _defer(clip_id: int, variant: Variant, queue: str) -> None:
    """Note that the rendition is pending, and defer its task unless that waits already."""
    with transaction.atomic():
        requests.note_pending(clip_id, variant)
        defer(make_rendition, queue=queue, clip_id=clip_id, **variant._asdict())
