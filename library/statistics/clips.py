"""Statistics of many clips, for a page of the list."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from library.models.play import BY_PEOPLE, KNOWN_PEOPLE, PEOPLE
from library.models.rows import Row, read
from library.statistics.audience import Audience
from library.statistics.clip import audience_days, completion, moments, ranked_trends, totals
from library.statistics.period import Period
from library.statistics.ranking import kept_ranking
from library.statistics.series import described, series, timeline
from library.statistics.timeline import Timeline
from library.statistics.windows import compared, recent, window_edges

# The columns of a clip that its statistics need.
COLUMNS = ("id", "title", "play_count", "people_count", "first_played_at", "last_played_at")
# One row for each clip. As for one clip, each subselect reads the index of a tally alone, and
# PostgreSQL plans the statement once.
STATEMENT = f"""
WITH asked AS MATERIALIZED (
    SELECT
        %(cuts)s::timestamptz[] AS cuts, %(since)s::timestamptz AS since,
        %(until)s::timestamptz AS until, %(first_day)s::date AS first_day,
        %(last_day)s::date AS last_day
)
SELECT
    clip.id,
    (
        SELECT json_agg(json_build_array(segment, plays, people)) FROM (
            SELECT
                width_bucket(quarter, (SELECT cuts FROM asked)) AS segment, sum(plays) AS plays,
                {KNOWN_PEOPLE} AS people
            FROM library_playtally
            WHERE clip_id = clip.id AND quarter >= (SELECT cuts[1] FROM asked)
            GROUP BY segment
        ) AS sums
    ) AS segments,
    (
        SELECT json_build_object(
            'unique_listeners', coalesce(sum(listeners), 0),
            'unique_people', coalesce(sum(listeners) FILTER (WHERE {BY_PEOPLE}), 0)
        )
        FROM library_audiencetally
        WHERE clip_id = clip.id
        AND day >= (SELECT first_day FROM asked) AND day <= (SELECT last_day FROM asked)
    ) AS listeners,
    (
        SELECT json_build_object(
            'ended', coalesce(sum(ended), 0),
            'completed', coalesce(sum(completed), 0),
            'bytes_sent', coalesce(sum(bytes_sent), 0)
        )
        FROM library_completiontally
        WHERE clip_id = clip.id
        AND quarter >= (SELECT since FROM asked) AND quarter < (SELECT until FROM asked)
    ) AS completion
FROM unnest(%(clips)s::bigint[]) AS clip (id)
"""  # noqa: S608 - the expressions are constants
# Why ids are not among the clips. A draft is not found, as for one clip.
MISSING = """
SELECT asked.id, CASE
    WHEN clip.id IS NULL OR state = 'draft' THEN 'not_found'
    WHEN deleted_at IS NOT NULL THEN 'deleted'
    WHEN state = 'withdrawn' THEN 'withdrawn'
    ELSE 'filtered' END AS reason
FROM unnest(%s::bigint[]) AS asked (id) LEFT JOIN library_clip AS clip USING (id)
ORDER BY asked.id
"""
REASONS = ("not_found", "deleted", "withdrawn", "filtered")


def clips_statistics(
    rows: Sequence[Row], period: Period, now: datetime, audience: Audience, *, with_series: bool
) -> dict[str, Any]:
    """Return the statistics of clips in the order of their rows, which have the COLUMNS.

    Each clip has its plays in total, in each window and in the period, with the series if wanted.
    This takes one statement, plus another if this request renews the ranking.
    """
    line = (
        timeline(period, now)
        if with_series
        else Timeline({period.since, period.until, *period.before, *window_edges(now)})
    )
    days = audience_days(period)
    values = {
        "clips": [row["id"] for row in rows],
        "cuts": line.array,
        "since": period.since,
        "until": period.until,
        "first_day": days["since"],
        "last_day": days["until"],
    }
    found = {row["id"]: row for row in read(STATEMENT, values, prepared=True)} if rows else {}
    ranking = kept_ranking.get()
    clips = []
    for row in rows:
        sums = found[row["id"]]
        plays = line.plays(sums["segments"])
        in_period, before = plays.between(period.since, period.until), plays.between(*period.before)
        clips.append(
            {
                "id": row["id"],
                "title": row["title"],
                **totals(row, period.zone, ranking, audience),
                **recent(plays, now),
                "trends": ranked_trends(plays, ranking, now, audience, period.zone),
                "period": compared(in_period, before, audience),
                "series": series(period, plays) if with_series else None,
                **sums["listeners"],
                "completion": completion(sums["completion"]),
            }
        )
    return {
        "clips": clips,
        "period": described(period),
        "audience": audience,
        "people_clients": PEOPLE,
        "audience_days": days,
        **moments(now, ranking, period.zone),
    }


def missing_clips(ids: Iterable[int]) -> list[Row]:
    """Return each id with the reason why it is not among clips that match filters."""
    return read(MISSING, [[*ids]])
