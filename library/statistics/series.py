"""Plays over time, in the buckets of a period."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db.models import Sum
from django.db.models.functions import TruncDay

from library.models import PlayTally
from library.statistics.audience import Audience
from library.statistics.buckets import quarter_of
from library.statistics.period import Period
from library.statistics.timeline import Plays, Timeline
from library.statistics.windows import compared, window_edges


def timeline(period: Period, now: datetime) -> Timeline:
    """Return the timeline of the windows, the period, and the one before it."""
    return _timeline(period, quarter_of(now))


@lru_cache(maxsize=32)  # as few as there are periods
def _timeline(period: Period, now: datetime) -> Timeline:
    return Timeline({*period.edges, *period.before, *window_edges(now)})


def period_and_series(period: Period, plays: Plays, audience: Audience) -> dict[str, Any]:
    """Return the series, and the period as parsed with its plays and those before it."""
    in_period = plays.between(period.since, period.until)
    before = plays.between(*period.before)
    return {
        "period": described(period) | compared(in_period, before, audience),
        "series": series(period, plays),
    }


def described(period: Period) -> dict[str, str]:
    """Return the period as parsed."""
    return {
        "since": period.local_edges[0],
        "until": period.local_edges[-1],
        "interval": str(period.interval),
        "timezone": period.zone.key,
    }


def series(period: Period, plays: Plays) -> list[dict[str, Any]]:
    """Return the start of each bucket, its plays, and those by people."""
    buckets = zip(period.local_edges, plays.series(period.edges), strict=False)
    return [
        {"start": start, "plays": counts.plays, "people": counts.people}
        for start, counts in buckets
    ]


def plays_by_day(clips: Collection[int], days: int, now: datetime) -> dict[int, list[int]]:
    """Return the plays of the last days (UTC) for each clip id, with today last."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = today - timedelta(days=days - 1)
    plays = {clip_id: [0] * days for clip_id in clips}
    sums = (
        PlayTally.objects.filter(clip__in=clips, quarter__gte=since)
        .values_list("clip_id", TruncDay("quarter", tzinfo=UTC))
        .annotate(plays=Sum("plays"))
    )
    for clip_id, day, count in sums:
        if day <= today:  # a clock may be ahead
            plays[clip_id][(day - since).days] = count
    return plays
