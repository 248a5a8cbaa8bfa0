"""Plays of the past, for tests of what is told of them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from library.models import Client, Clip, Kind, PlayEvent
from library.plays import partitions, recount
from library.statistics.ranking import kept_ranking


def add_plays(clip: Clip, times: Iterable[datetime], **fields: Any) -> None:
    """Add plays at these times, with their tallies."""
    events = [
        PlayEvent(
            clip=clip, played_at=time, **{"kind": Kind.PLAIN, "client": Client.LIBRARY, **fields}
        )
        for time in times
    ]
    for month in {partitions.of(event.played_at) for event in events}:
        partitions.make(month)
    PlayEvent.objects.bulk_create(events)
    recount.rebuild(clip.pk, recount.events_since())
    recount.rebuild_library_tally()
    kept_ranking.forget()
    clip.refresh_from_db()


def every(step: timedelta, since: datetime, number: int) -> list[datetime]:
    """So many times, the first at `since`."""
    return [since + step * n for n in range(number)]
