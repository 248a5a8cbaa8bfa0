"""The orders of public clips by plays: of all time and in each window, for each audience."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any

from django.db import connection
from django.utils import timezone

from library.statistics.audience import Audience, Counts
from library.statistics.windows import LONGEST, WINDOWS

TOP = 100  # clips whose order is kept
ALL_TIME = "all_time"

_WINDOWED = {window.name: f"quarter >= %({window.name})s::timestamptz" for window in WINDOWS} | {
    f"{window.name}_before": f"quarter >= %({window.name}_before)s::timestamptz"
    f" AND quarter < %({window.name})s::timestamptz"
    for window in WINDOWS
}
TIMES = (ALL_TIME, *_WINDOWED)


def order_of(time: str, audience: Audience) -> str:
    """Return the name of the order of a window, of the one before it, or of all time."""
    return f"{time}_{audience}" if audience is Audience.PEOPLE else time


# A clip some of whose plays by people are unknown has no place among people in any window.
_SUMS = ",".join(
    f"""
        sum(plays) FILTER (WHERE {condition}) AS {name},
        CASE WHEN bool_and(people IS NOT NULL) THEN sum(people) FILTER (WHERE {condition}) END
            AS {order_of(name, Audience.PEOPLE)}"""
    for name, condition in _WINDOWED.items()
)
_ORDER = """
    (
        SELECT json_agg(json_build_array(clip_id, {time}, {time}_people)) FROM (
            SELECT clip_id, {time}, {time}_people FROM {table} WHERE {order} > 0
            ORDER BY {order} DESC, clip_id LIMIT %(top)s::int
        ) AS top
    ),
    (
        SELECT json_agg(json_build_array({order}, clips) ORDER BY {order} DESC) FROM (
            SELECT {order}, count(*) AS clips FROM {table} WHERE {order} > 0 GROUP BY {order}
        ) AS counts
    )"""
# Two columns for each order: its top clips, and how many clips have each number of plays.
STATEMENT = f"""
WITH public AS MATERIALIZED (
    SELECT id AS clip_id, play_count AS {ALL_TIME}, people_count AS {ALL_TIME}_people
    FROM library_clip
    WHERE deleted_at IS NULL AND state = 'published'
), sums AS MATERIALIZED (
    SELECT clip_id,{_SUMS}
    FROM library_playtally JOIN public USING (clip_id)
    WHERE quarter >= %({LONGEST.name}_before)s::timestamptz
    GROUP BY clip_id
)
SELECT{
    ",".join(
        _ORDER.format(
            time=time,
            order=order_of(time, audience),
            table="public" if time == ALL_TIME else "sums",
        )
        for time in TIMES
        for audience in Audience
    )
}
"""  # noqa: S608 - the names of orders and windows are constants


class Ranks:
    """One order: the most played clips, and how many clips have more than a number of plays."""

    def __init__(
        self, top: Iterable[Sequence[int]] | None, counts: Sequence[Sequence[int]] | None
    ) -> None:
        """Take pairs of clip id and plays, and pairs of plays and the number of clips with them.

        Both begin with the most plays. Clips without plays are in neither.
        """
        self.top = [(clip_id, plays) for clip_id, plays in top or ()]
        self._negatives = [-plays for plays, _ in counts or ()]
        self._ahead = [0, *accumulate(clips for _, clips in counts or ())]

    def rank(self, plays: int | None) -> int | None:
        """Return the rank of a clip with this many plays: 1 is the top; ties share a rank.

        None without plays, or if their number is unknown.
        """
        return self._ahead[bisect_left(self._negatives, -plays)] + 1 if plays else None


@dataclass(frozen=True)
class Ranking:
    """All orders at one moment, by name (`order_of`), and all counts of their top clips, by id."""

    as_of: datetime
    orders: dict[str, Ranks]
    counts: dict[str, dict[int, Counts]]

    def rank(self, order: str, plays: int | None) -> int | None:
        """Return the rank of a clip with this many plays; None without, or if unknown."""
        return self.orders[order].rank(plays)

    def rank_among(self, audience: Audience, time: str, counts: Counts) -> int | None:
        """Return the rank of a clip with these plays, in the order of a time and an audience."""
        return self.rank(order_of(time, audience), counts.of(audience))


def rank_now() -> Ranking:
    """Rank the public clips. Raises django.db.Error."""
    now = timezone.now()
    values: dict[str, Any] = {"top": TOP}
    for window in WINDOWS:
        values[window.name] = window.since(now)
        values[f"{window.name}_before"] = window.before(now)
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT, values)
        columns = cursor.fetchone()
    found = iter(columns)
    ranking = Ranking(now, {}, {})
    for time in TIMES:
        for audience in Audience:
            order = order_of(time, audience)
            top = {clip_id: Counts(*counts) for clip_id, *counts in next(found) or ()}
            pairs = [(clip_id, counts.of(audience) or 0) for clip_id, counts in top.items()]
            ranking.orders[order] = Ranks(pairs, next(found))
            ranking.counts[order] = top
    return ranking
