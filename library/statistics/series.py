"""Plays over time, in the buckets of a period."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import DateTimeField, F, Func, IntegerField, QuerySet, Sum, Value
from django.db.models.functions import TruncDay

from library.models import PlayTally
from library.statistics.period import Period
from library.statistics.windows import change


def series(tallies: QuerySet[Any], period: Period) -> list[dict[str, Any]]:
    """Return the plays of each bucket, including buckets without plays.

    The edges of the buckets follow the clock of the period's time zone. PostgreSQL finds each
    tally's bucket by binary search.
    """
    edges = Value(list(period.edges), ArrayField(DateTimeField()))
    bucket = Func(F("quarter"), edges, function="width_bucket", output_field=IntegerField())
    found = dict(
        tallies.filter(quarter__gte=period.since, quarter__lt=period.until)
        .values_list(bucket.copy())
        .annotate(plays=Sum("plays"))
    )
    return [
        {"start": start.isoformat(), "plays": int(found.get(number, 0))}
        for number, start in enumerate(period.starts(), 1)
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


def period_and_series(tallies: QuerySet[Any], period: Period) -> dict[str, Any]:
    """Return the series, and the period as parsed with its plays and those before it."""
    in_period = series(tallies, period)
    plays = sum(bucket["plays"] for bucket in in_period)
    since, until = period.before()
    tallies_before = tallies.filter(quarter__gte=since, quarter__lt=until)
    before = int(tallies_before.aggregate(plays=Sum("plays", default=0))["plays"])
    described = {
        "since": period.since.astimezone(period.zone).isoformat(),
        "until": period.until.astimezone(period.zone).isoformat(),
        "interval": str(period.interval),
        "timezone": period.zone.key,
        "plays": plays,
        "plays_before": before,
        "change": change(plays, before),
    }
    return {"period": described, "series": in_period}
