"""Statistics of the whole library."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, Q, Sum

from library.models import Clip, LibraryTally, State
from library.statistics.period import QUARTER, Period
from library.statistics.ranking import kept_ranking
from library.statistics.series import period_and_series
from library.statistics.windows import EPOCH, LONGEST, WINDOWS, change, trend, window_sums

DAY = timedelta(days=1)
ALL_TIME = "all_time"
TOP_WINDOWS = (*(window.name for window in WINDOWS), ALL_TIME)


def library_statistics(period: Period, window: str, limit: int, now: datetime) -> dict[str, Any]:
    """Return clips, plays and trends, the period's series, and the top clips of a window.

    Clips hidden from the public are not counted, but their plays are.
    """
    totals = Clip.objects.aggregate(
        clips=Count("id", filter=Q(deleted_at=None, state=State.PUBLISHED)),
        plays=Sum("play_count", default=0),
    )
    tallies = LibraryTally.objects.all()
    sums = tallies.filter(quarter__gte=LONGEST.before(now)).aggregate(**window_sums(now))
    return {
        "clips": totals["clips"],
        "play_count": int(totals["plays"]),
        "plays": {window.name: sums[window.name] for window in WINDOWS},
        "trends": {window.name: trend(window, sums, now) for window in WINDOWS},
        **period_and_series(tallies, period),
        "top": top_clips(window, limit),
        "as_of": now,
    }


def recent_plays(now: datetime) -> dict[str, dict[str, Any]]:
    """Compare `today` (UTC) with yesterday up to now, and each window with the previous one."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday, by_now = today - DAY, now - DAY
    by_now -= (by_now - EPOCH) % QUARTER
    sums = LibraryTally.objects.filter(quarter__gte=LONGEST.before(now)).aggregate(
        today=Sum("plays", filter=Q(quarter__gte=today), default=0),
        yesterday=Sum("plays", filter=Q(quarter__gte=yesterday, quarter__lt=by_now), default=0),
        **window_sums(now),
    )
    plays, before = sums["today"], sums["yesterday"]
    today_so_far = {"plays": plays, "plays_before": before, "change": change(plays, before)}
    return {"today": today_so_far} | {window.name: trend(window, sums, now) for window in WINDOWS}


def top_clips(window: str, limit: int) -> dict[str, Any]:
    """Return the most played public clips of a window.

    The first ranking of a process takes seconds in a large library.
    """
    ranking = kept_ranking.get()
    order = ranking.orders[window]
    chosen = order.top[:limit]
    clips = Clip.objects.available().in_bulk([clip_id for clip_id, _ in chosen])
    shown = [
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
    return {"window": window, "as_of": ranking.as_of, "clips": shown}
