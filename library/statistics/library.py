"""Statistics of the whole library."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from library.models.play import KNOWN_PEOPLE, PEOPLE
from library.models.rows import read
from library.statistics.audience import Audience, Counts
from library.statistics.buckets import quarter_of
from library.statistics.orders import ALL_TIME, order_of
from library.statistics.period import Period
from library.statistics.ranking import PATIENCE, kept_ranking
from library.statistics.series import period_and_series, timeline
from library.statistics.timeline import Plays, Timeline
from library.statistics.windows import WINDOWS, compared, recent, trend, window_edges

DAY = timedelta(days=1)
TOP_WINDOWS = (*(window.name for window in WINDOWS), ALL_TIME)

SEGMENTS = f"""
    SELECT
        width_bucket(quarter, %(cuts)s::timestamptz[]) AS segment, sum(plays)::bigint AS plays,
        {KNOWN_PEOPLE} AS people
    FROM library_librarytally
    WHERE quarter >= (%(cuts)s::timestamptz[])[1]
    GROUP BY segment
"""  # noqa: S608 - the expression is a constant
# Clips hidden from the public are not counted, but their plays are.
STATEMENT = f"""
SELECT
    count(*) FILTER (WHERE deleted_at IS NULL AND state = 'published') AS clips,
    coalesce(sum(play_count), 0)::bigint AS play_count,
    coalesce(sum(people_count), 0)::bigint AS people_count,
    (
        SELECT json_agg(json_build_array(segment, plays, people)) FROM ({SEGMENTS}) AS sums
    ) AS segments
FROM library_clip
"""  # noqa: S608
CLIPS = """
SELECT id, title, play_count, people_count FROM library_clip
WHERE id = ANY(%(clips)s::bigint[]) AND deleted_at IS NULL AND state = 'published'
"""


def library_statistics(
    period: Period, window: str, limit: int, now: datetime, audience: Audience = Audience.ALL
) -> dict[str, Any]:
    """Return clips, plays and trends, the period's series, and the top clips of a window.

    The top clips and changes are those of the plays by the audience. This takes two statements,
    plus another if this request renews the ranking.
    """
    line = timeline(period, now)
    [row] = read(STATEMENT, {"cuts": line.array}, prepared=True)
    plays = line.plays(row["segments"])
    top = top_clips(window, limit, audience)
    return {
        "clips": row["clips"],
        "play_count": row["play_count"],
        "people_count": row["people_count"],
        **recent(plays, now),
        "trends": {each.name: trend(each, plays, now, audience, period.zone) for each in WINDOWS},
        **period_and_series(period, plays, audience),
        "audience": audience,
        "people_clients": PEOPLE,
        "top": top | {"as_of": top["as_of"] and top["as_of"].astimezone(period.zone)},
        "as_of": now.astimezone(period.zone),
    }


def recent_plays(now: datetime) -> dict[str, dict[str, Any]]:
    """Compare `today` (UTC) with yesterday up to now, and each window with the previous one."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday, by_now = today - DAY, quarter_of(now - DAY)
    plays = _plays(Timeline({today, yesterday, by_now, *window_edges(now)}))
    today_so_far, before = plays.since(today), plays.between(yesterday, by_now)
    everything = Audience.ALL
    return {"today": compared(today_so_far, before, everything)} | {
        window.name: trend(window, plays, now, everything, ZoneInfo("UTC")) for window in WINDOWS
    }


def plays_in(period: Period) -> list[tuple[datetime, Counts]]:
    """Return the start of each bucket, in local time, and its plays."""
    plays = _plays(Timeline(period.edges))
    return [*zip(period.starts(), plays.series(period.edges), strict=True)]


def _plays(line: Timeline) -> Plays:
    rows = read(SEGMENTS, {"cuts": line.array}, prepared=True)
    return line.plays((row["segment"], row["plays"], row["people"]) for row in rows)


def top_clips(
    window: str, limit: int, audience: Audience = Audience.ALL, patience: float = PATIENCE
) -> dict[str, Any]:
    """Return the public clips of a window with the most plays by the audience.

    If there is no ranking after `patience` seconds, there are none, and `as_of` is None.
    """
    ranking = kept_ranking.get(patience)
    if ranking is None:
        return {"window": window, "as_of": None, "clips": []}
    name = order_of(window, audience)
    order, counts = ranking.orders[name], ranking.counts[name]
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
            "plays": counts[clip_id].plays,
            "people": counts[clip_id].people,
            "play_count": clips[clip_id]["play_count"],
            "people_count": clips[clip_id]["people_count"],
        }
        for clip_id, plays in chosen
        if clip_id in clips
    ]
    return {"window": window, "as_of": ranking.as_of, "clips": shown}
