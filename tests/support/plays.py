"""Plays: adding them with their tallies, counting them, and a random but constant history."""

import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from library.models import Client, Clip, PlayEvent
from library.plays import partitions, rebuild, recount
from library.statistics.ranking import kept_ranking
from tests.support.recipes import linked_clip, play

HOSTS = ("", "", "blog.example", "news.example")


def add_plays(clip: Clip, times: Iterable[datetime], **fields: Any) -> None:
    """Add plays of the clip at these times, and update all tallies."""
    events = [play.prepare(clip=clip, played_at=time, **fields) for time in times]
    add_events(events, clip.pk)
    clip.refresh_from_db()


def add_events(events: list[PlayEvent], clip_id: int | None = None) -> None:
    """Add plays of one clip or, while none is being played, of any clips; update all tallies."""
    months = {partitions.of(event.played_at) for event in events}
    for month in months:
        partitions.make(month)
    PlayEvent.objects.bulk_create(events)
    for month in months:
        rebuild.rebuild(clip_id, month.since, month.until)
    rebuild.rebuild_library_tally()
    kept_ranking.renew()


def every(step: timedelta, since: datetime, number: int) -> list[datetime]:
    """Return `number` times at equal steps, the first of them `since`."""
    return [since + step * n for n in range(number)]


def stream(clip: Clip) -> str:
    """Return the path of a clip's stream."""
    return f"/api/v1/clips/{clip.pk}/stream"


def plays_of(clip: Clip) -> int:
    """Return the clip's plays. Assert that its counter, the events and all tallies agree."""
    clip.refresh_from_db()
    assert clip.play_count == PlayEvent.objects.filter(clip=clip).count()
    with transaction.atomic():
        month = partitions.of(timezone.now())
        assert [*recount.tally_differences(month), *recount.total_differences()] == []
    return clip.play_count


def seed_plays(number: int, moment: Callable[[random.Random], datetime]) -> list[Clip]:
    """Make three clips that share `number` plays, and one without plays.

    The same number gives the same history. `moment` draws the time of a play.
    """
    dice = random.Random(number)
    clips = linked_clip.make(_quantity=4)
    for clip, share in zip(clips, (6, 3, 1), strict=False):
        for _ in range(share):
            completed = dice.choice((None, True, False))
            add_plays(
                clip,
                [moment(dice) for _ in range(number // 10)],
                client=dice.choice(Client.values),
                referrer=dice.choice(HOSTS),
                listener=UUID(int=dice.randrange(1, 4)),
                completed=completed,
                bytes_sent=None if completed is None else dice.randrange(1_000_000),
            )
    return clips
