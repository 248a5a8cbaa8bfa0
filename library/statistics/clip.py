"""Statistics of one clip."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from library.models.play import BY_PEOPLE, KNOWN_PEOPLE, PEOPLE
from library.models.rows import Row, read
from library.statistics.audience import Audience, Counts
from library.statistics.heard import HEARD, heard
from library.statistics.orders import ALL_TIME, Ranking
from library.statistics.period import Period
from library.statistics.ranking import kept_ranking
from library.statistics.series import period_and_series, timeline
from library.statistics.timeline import Plays
from library.statistics.windows import WINDOWS, recent, trend

# One row; none if there is no such clip, or if it is a draft. Each subselect reads the index of a
# tally alone. Sums over bigint are numeric, which JSON shows as a whole number.
# In `asked` the values are hidden from the planner. Else it would plan each request again, which
# takes longer than to read most clips, whenever it expects less work than for an average clip.
STATEMENT = f"""
WITH asked AS MATERIALIZED (
    SELECT
        %(clip)s::bigint AS clip, %(cuts)s::timestamptz[] AS cuts,
        %(since)s::timestamptz AS since, %(until)s::timestamptz AS until,
        %(first_day)s::date AS first_day, %(last_day)s::date AS last_day
)
SELECT
    title, play_count, people_count, first_played_at, last_played_at,
    (
        SELECT json_agg(json_build_array(segment, plays, people)) FROM (
            SELECT
                width_bucket(quarter, (SELECT cuts FROM asked)) AS segment, sum(plays) AS plays,
                {KNOWN_PEOPLE} AS people
            FROM library_playtally
            WHERE clip_id = (SELECT clip FROM asked) AND quarter >= (SELECT cuts[1] FROM asked)
            GROUP BY segment
        ) AS sums
    ) AS segments,
    (
        WITH audience AS MATERIALIZED (
            SELECT client, referrer, sum(plays) AS plays, sum(listeners) AS listeners
            FROM library_audiencetally
            WHERE clip_id = (SELECT clip FROM asked)
            AND day >= (SELECT first_day FROM asked) AND day <= (SELECT last_day FROM asked)
            GROUP BY client, referrer
        )
        SELECT json_build_object(
            'unique_listeners', (SELECT coalesce(sum(listeners), 0) FROM audience),
            'unique_people', (
                SELECT coalesce(sum(listeners), 0) FROM audience WHERE {BY_PEOPLE}
            ),
            'clients', (
                SELECT json_agg(json_build_array(client, plays)) FROM (
                    SELECT client, sum(plays) AS plays FROM audience
                    GROUP BY client ORDER BY plays DESC, client COLLATE "C"
                ) AS ordered
            ),
            'referrers', (
                SELECT json_agg(json_build_array(referrer, plays)) FROM (
                    SELECT referrer, sum(plays) AS plays FROM audience
                    GROUP BY referrer ORDER BY plays DESC, referrer COLLATE "C" LIMIT 20
                ) AS ordered
            )
        )
    ) AS audience,
    (
        SELECT json_build_object(
            'ended', coalesce(sum(ended), 0),
            'completed', coalesce(sum(completed), 0),
            'bytes_sent', coalesce(sum(bytes_sent), 0)
        )
        FROM library_completiontally
        WHERE clip_id = (SELECT clip FROM asked)
        AND quarter >= (SELECT since FROM asked) AND quarter < (SELECT until FROM asked)
    ) AS completion,
    ({HEARD}) AS heard
FROM library_clip
WHERE id = (SELECT clip FROM asked) AND state <> 'draft'
"""  # noqa: S608 - the expression is a constant


def clip_statistics(
    clip_id: int, period: Period, now: datetime, audience: Audience = Audience.ALL
) -> dict[str, Any] | None:
    """Return a clip's plays: in total, in each window, and in the period.

    Ranks and changes are those of the plays by the audience. None if there is no such clip, or if
    it is a draft. This takes one statement, plus another if this request renews the ranking.
    """
    line = timeline(period, now)
    days = audience_days(period)
    rows = read(
        STATEMENT,
        {
            "clip": clip_id,
            "cuts": line.array,
            "since": period.since,
            "until": period.until,
            "first_day": days["since"],
            "last_day": days["until"],
        },
        prepared=True,
    )
    if not rows:
        return None
    [row] = rows
    plays = line.plays(row["segments"])
    ranking = kept_ranking.get()
    return {
        "id": clip_id,
        "title": row["title"],
        **totals(row, period.zone, ranking, audience),
        **recent(plays, now),
        "trends": ranked_trends(plays, ranking, now, audience, period.zone),
        **period_and_series(period, plays, audience),
        "audience": audience,
        "people_clients": PEOPLE,
        "audience_days": days,
        **_audience(row["audience"]),
        "completion": completion(row["completion"]),
        "heard": heard(row["heard"]),
        **moments(now, ranking, period.zone),
    }


def audience_days(period: Period) -> dict[str, date]:
    """Return the first and last UTC day that the period overlaps.

    Listeners, clients and referrers are tallied by UTC day, so they cover these days.
    """
    return {
        "since": period.since.date(),
        "until": (period.until - timedelta(microseconds=1)).date(),
    }


def moments(now: datetime, ranking: Ranking | None, zone: ZoneInfo) -> dict[str, datetime | None]:
    """Return when the statistics were read, and when the clips were ranked."""
    return {
        "as_of": now.astimezone(zone),
        "ranked_as_of": ranking.as_of.astimezone(zone) if ranking else None,
    }


def totals(row: Row, zone: ZoneInfo, ranking: Ranking | None, audience: Audience) -> dict[str, Any]:
    """Return the counters of a clip, its first and last play, and its rank of all time."""
    first, last = row["first_played_at"], row["last_played_at"]
    counts = Counts(row["play_count"], row["people_count"])
    return {
        "play_count": counts.plays,
        "people_count": counts.people,
        "first_played_at": first and first.astimezone(zone),
        "last_played_at": last and last.astimezone(zone),
        "rank": ranking and ranking.rank_among(audience, ALL_TIME, counts),
    }


def ranked_trends(
    plays: Plays, ranking: Ranking | None, now: datetime, audience: Audience, zone: ZoneInfo
) -> dict[str, Any]:
    """Return the trend of each window, with the ranks in it and in the one before."""
    trends: dict[str, Any] = {}
    for window in WINDOWS:
        found = trends[window.name] = trend(window, plays, now, audience, zone)
        counts = Counts(found["plays"], found["people"])
        before = Counts(found["plays_before"], found["people_before"])
        found["rank"] = ranking and ranking.rank_among(audience, window.name, counts)
        found["rank_before"] = ranking and ranking.rank_among(
            audience, f"{window.name}_before", before
        )
    return trends


def _audience(found: dict[str, Any]) -> dict[str, Any]:
    """Return listeners, clients and referrers, with the shares of all plays."""
    total = sum(plays for _, plays in found["clients"] or ())
    return {
        "unique_listeners": found["unique_listeners"],
        "unique_people": found["unique_people"],
        "clients": _shares("client", found["clients"], total),
        "referrers": _shares("referrer", found["referrers"], total),
    }


def _shares(key: str, rows: Sequence[tuple[str, int]] | None, total: int) -> list[dict[str, Any]]:
    return [
        {key: value, "plays": plays, "share": round(plays / total, 4)}
        for value, plays in rows or ()
    ]


def completion(found: dict[str, int]) -> dict[str, Any]:
    """Return how streams of the period's plays ended, as far as that is known.

    A stream is completed if every byte was handed to the network. The listener's kernel may have
    buffered more than was heard.
    """
    return found | {
        "share": round(found["completed"] / found["ended"], 4) if found["ended"] else None
    }
