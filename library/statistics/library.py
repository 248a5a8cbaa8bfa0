"""Statistics of the whole library."""

from datetime import UTC, datetime, timedelta
from typing import Any

from library.models.rows import read
from library.statistics.buckets import quarter_of
from library.statistics.period import Period
from library.statistics.ranking import ALL_TIME, PATIENCE, kept_ranking
from library.statistics.series import period_and_series, timeline
from library.statistics.timeline import Plays, Timeline
from library.statistics.windows import WINDOWS, change, trend, window_edges

DAY = timedelta(days=1)
TOP_WINDOWS = (*(window.name for window in WINDOWS), ALL_TIME)

SEGMENTS = """
    SELECT width_bucket(quarter, %(cuts)s::timestamptz[]) AS segment, sum(plays)::bigint AS plays
    FROM library_librarytally
    WHERE quarter >= (%(cuts)s::timestamptz[])[1]
    GROUP BY segment
"""
# Clips hidden from the public are not counted, but their plays are.
STATEMENT = f"""
SELECT
    count(*) FILTER (WHERE deleted_at IS NULL AND state = 'published') AS clips,
    coalesce(sum(play_count), 0)::bigint AS play_count,
    (SELECT json_agg(json_build_array(segment, plays)) FROM ({SEGMENTS}) AS sums) AS segments
FROM library_clip
"""  # noqa: S608
CLIPS = """
SELECT id, title, play_count FROM library_clip
WHERE id = ANY(%(clips)s::bigint[]) AND deleted_at IS NULL AND state = 'published'
"""


def library_statistics(period: Period, window: str, limit: int, now: datetime) -> dict[str, Any]:
    """Return clips, plays and trends, the period's series, and the top clips of a window.

    This takes two statements, plus another if this request renews the ranking.
    """
    line = timeline(period, now)
    [row] = read(STATEMENT, {"cuts": line.array}, prepared=True)
    plays = line.plays(row["segments"])
    return {
        "clips": row["clips"],
        "play_count": row["play_count"],
        "plays": {window.name: plays.since(window.since(now)) for window in WINDOWS},
        "trends": {window.name: trend(window, plays, now) for window in WINDOWS},
        **period_and_series(period, plays),
        "top": top_clips(window, limit),
        "as_of": now,
    }


def recent_plays(now: datetime) -> dict[str, dict[str, Any]]:
    """Compare `today` (UTC) with yesterday up to now, and each window with the previous one."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday, by_now = today - DAY, quarter_of(now - DAY)
    plays = _plays(Timeline({today, yesterday, by_now, *window_edges(now)}))
    today_so_far, before = plays.since(today), plays.between(yesterday, by_now)
    return {
        "today": {
            "plays": today_so_far,
            "plays_before": before,
            "change": change(today_so_far, before),
        }
    } | {window.name: trend(window, plays, now) for window in WINDOWS}


def plays_in(period: Period) -> list[tuple[datetime, int]]:
    """Return the start of each bucket, in local time, and its plays."""
    plays = _plays(Timeline(period.edges))
    return [*zip(period.starts(), plays.series(period.edges), strict=True)]


def _plays(line: Timeline) -> Plays:
    rows = read(SEGMENTS, {"cuts": line.array}, prepared=True)
    return line.plays((row["segment"], row["plays"]) for row in rows)


def top_clips(window: str, limit: int, patience: float = PATIENCE) -> dict[str, Any]:
    """Return the most played public clips of a window.

    If there is no ranking after `patience` seconds, there are none, and `as_of` is None.
    """
    ranking = kept_ranking.get(patience)
    if ranking is None:
        return {"window": window, "as_of": None, "clips": []}
    order = ranking.orders[window]
    chosen = order.top[:limit]
    rows = (
        read(CLIPS, {"clips": [clip_id for clip_id, _ in chosen]}, prepared=True) if chosen else []
    )
    clips = {row["id"]: row for row in rows}
    shown = [
        {
            "rank": order.rank(plays),
            "id": clip_id,
            "title": clips[clip_id]["title"],
            "plays": plays,
            "play_count": clips[clip_id]["play_count"],
        }
        for clip_id, plays in chosen
        if clip_id in clips
    ]
    return {"window": window, "as_of": ranking.as_of, "clips": shown}
