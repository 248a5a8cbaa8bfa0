"""The tasks that make renditions, and how requests defer them."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from procrastinate import JobContext

from library.models import Clip
from library.renditions import files, requests
from library.renditions.making import make
from library.renditions.publishing import list_current
from library.renditions.requests import Outcome
from library.renditions.variants import Variant
from library.tasks.queue import AUDIO, BACKFILL, MAINTENANCE, defer, periodic, task

FILES_KEPT = timedelta(hours=24)  # without a rendition


@task(AUDIO)
def make_rendition(context: JobContext, clip_id: int, **variant: str) -> None:
    """Make one rendition of a clip and publish it. The variant is its part, format and quality."""
    make(clip_id, Variant(**variant))


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
    """Delete renditions made on demand beyond their limit, and files that are not used."""
    requests.delete_surplus()
    for name in files.unused(timezone.now() - FILES_KEPT):
        files.delete_if_unused(name)


def request_rendition(clip_id: int, variant: Variant) -> Outcome | str:
    """Have a rendition made that a client has requested. Return a code if that has failed."""
    with transaction.atomic():
        outcome = requests.request(clip_id, variant)
        if outcome is Outcome.DEFER:
            _defer(clip_id, variant, AUDIO)
    return outcome


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
    if ids := list(clip_ids):
        defer(renew_renditions_of, clip_ids=ids)


def _defer(clip_id: int, variant: Variant, queue: str) -> None:
    """Note that the rendition is pending, and defer its task unless that waits already."""
    with transaction.atomic():
        requests.note_pending(clip_id, variant)
        defer(make_rendition, queue=queue, clip_id=clip_id, **variant._asdict())
