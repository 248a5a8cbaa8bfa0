"""Statistics of the whole library."""

from datetime import datetime
from typing import Any

from django.db.models import Count, Q, Sum

from library.models import Clip, LibraryTally, State
from library.statistics.period import Period
from library.statistics.ranking import Ranking, kept_ranking
from library.statistics.series import period_told, series
from library.statistics.windows import LONGEST, WINDOWS, trend, window_sums

ALL_TIME = "all_time"
TOP_WINDOWS = (*(window.name for window in WINDOWS), ALL_TIME)


def library_statistics(period: Period, window: str, limit: int, now: datetime) -> dict[str, Any]:
    """Clips, plays and their trends, the period's series, and the top clips of a window.

    Clips that the public may not have are none here, but their plays stay plays.
    """
    totals = Clip.objects.aggregate(
        clips=Count("id", filter=Q(deleted_at=None, state=State.PUBLISHED)),
        plays=Sum("play_count", default=0),
    )
    tallies = LibraryTally.objects.all()
    sums = tallies.filter(quarter__gte=LONGEST.before(now)).aggregate(**window_sums(now))
    in_period = series(tallies, period)
    ranking = kept_ranking.get()
    return {
        "clips": totals["clips"],
        "play_count": int(totals["plays"]),
        "plays": {window.name: sums[window.name] for window in WINDOWS},
        "trends": {window.name: trend(window, sums, now) for window in WINDOWS},
        "period": period_told(period, sum(bucket["plays"] for bucket in in_period), tallies),
        "series": in_period,
        "top": {"window": window, "as_of": ranking.as_of, "clips": _top(ranking, window, limit)},
        "as_of": now,
    }


def _top(ranking: Ranking, window: str, limit: int) -> list[dict[str, Any]]:
    """The most played clips of a window."""
    order = ranking.orders[window]
    chosen = order.top[:limit]
    clips = Clip.objects.available().in_bulk([clip_id for clip_id, _ in chosen])
    return [
        {
            "rank": order.rank(plays),
            "id": clip_id,
            "title": clips[clip_id].title,
            "plays": plays,
            "play_count": clips[clip_id].play_count,
        }
        for clip_id, plays in chosen
        if clip_id in clips
    ]
