"""Statistics of one clip."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Sum

from library.models import AudienceTally, Clip, CompletionTally, PlayTally
from library.statistics.period import Period
from library.statistics.ranking import kept_ranking
from library.statistics.series import period_and_series
from library.statistics.windows import LONGEST, WINDOWS, trend, window_sums

MAX_REFERRERS = 20  # the most frequent ones


def clip_statistics(clip: Clip, period: Period, now: datetime) -> dict[str, Any]:
    """Return a clip's plays: in total, in each window, and in the period.

    Listeners, clients and referrers are tallied by UTC day, so they cover the days that the period
    overlaps. This takes five queries, plus those of the ranking if it is renewed.
    """
    tallies = PlayTally.objects.filter(clip=clip)
    sums = tallies.filter(quarter__gte=LONGEST.before(now)).aggregate(**window_sums(now))
    ranking = kept_ranking.get()
    orders = ranking.orders
    return {
        "id": clip.pk,
        "title": clip.title,
        "play_count": clip.play_count,
        "first_played_at": clip.first_played_at,
        "last_played_at": clip.last_played_at,
        "plays": {window.name: sums[window.name] for window in WINDOWS},
        "rank": orders["all_time"].rank(clip.play_count),
        "trends": {
            window.name: trend(window, sums, now)
            | {
                "rank": orders[window.name].rank(sums[window.name]),
                "rank_before": orders[f"{window.name}_before"].rank(sums[f"{window.name}_before"]),
            }
            for window in WINDOWS
        },
        **period_and_series(tallies, period),
        **_audience(clip, period),
        "completion": _completion(clip, period),
        "as_of": now,
        "ranked_as_of": ranking.as_of,
    }


def _audience(clip: Clip, period: Period) -> dict[str, Any]:
    """Return listeners, clients and referrers of the UTC days that the period overlaps."""
    first, last = period.since.date(), (period.until - timedelta(microseconds=1)).date()
    rows = list(
        AudienceTally.objects.filter(clip=clip, day__range=(first, last))
        .values("client", "referrer")
        .annotate(plays=Sum("plays"), listeners=Sum("listeners"))
    )
    return {
        "audience_days": {"since": first, "until": last},
        "unique_listeners": sum(row["listeners"] for row in rows),
        "clients": _shares(rows, "client"),
        "referrers": _shares(rows, "referrer")[:MAX_REFERRERS],
    }


def _shares(rows: Sequence[Mapping[str, Any]], key: str) -> list[dict[str, Any]]:
    """Return the plays and the share of each value of a key, the most frequent first."""
    plays: dict[str, int] = {}
    for row in rows:
        plays[row[key]] = plays.get(row[key], 0) + row["plays"]
    total = sum(plays.values())
    return [
        {key: value, "plays": count, "share": round(count / total, 4)}
        for value, count in sorted(plays.items(), key=lambda item: (-item[1], item[0]))
    ]


def _completion(clip: Clip, period: Period) -> dict[str, Any]:
    """Return how streams of the period's plays ended, as far as that is known.

    A stream is completed if every byte was handed to the network. The listener's kernel may have
    buffered more than was heard.
    """
    found = CompletionTally.objects.filter(
        clip=clip, quarter__gte=period.since, quarter__lt=period.until
    ).aggregate(
        ended=Sum("ended", default=0),
        completed=Sum("completed", default=0),
        bytes_sent=Sum("bytes_sent", default=0),
    )
    share = round(found["completed"] / found["ended"], 4) if found["ended"] else None
    return {name: int(found[name]) for name in found} | {"share": share}
