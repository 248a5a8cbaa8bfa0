"""What was heard of a clip, as players report it."""

from datetime import date
from itertools import accumulate
from typing import Any

from library.models import SHARE, SHARES, TWENTIETHS
from library.models.rows import read

# Of the listens that began on the days in `asked`, from the tallies, and from those that have not
# ended. One subselect of the statement of a clip's statistics.
HEARD = f"""
    WITH open AS MATERIALIZED (
        SELECT
            {SHARE} AS share, twentieths,
            count(*) AS listens, sum(credited) AS credited
        FROM library_listen
        WHERE clip_id = (SELECT clip FROM asked)
        AND (began_at AT TIME ZONE 'UTC')::date >= (SELECT first_day FROM asked)
        AND (began_at AT TIME ZONE 'UTC')::date <= (SELECT last_day FROM asked)
        GROUP BY 1, 2
    ), ended AS MATERIALIZED (
        SELECT listens, credited, shares, twentieths FROM library_listentally
        WHERE clip_id = (SELECT clip FROM asked)
        AND day >= (SELECT first_day FROM asked) AND day <= (SELECT last_day FROM asked)
    )
    SELECT json_build_object(
        'listens', sum(listens), 'credited', sum(credited),
        'shares', (
            SELECT json_agg(json_build_array(share, listens)) FROM (
                SELECT share, sum(listens) AS listens FROM (
                    SELECT share, listens FROM open
                    UNION ALL
                    SELECT place - 1, each.listens
                    FROM ended, unnest(shares) WITH ORDINALITY AS each (listens, place)
                    WHERE each.listens > 0
                ) AS parts GROUP BY share
            ) AS sums
        ),
        'twentieths', (
            SELECT json_agg(json_build_array(n, listens)) FROM (
                SELECT n, sum(listens) AS listens FROM (
                    SELECT n, listens FROM open, generate_series(0, 19) AS n
                    WHERE twentieths >> n & 1 = 1
                    UNION ALL
                    SELECT place - 1, each.listens
                    FROM ended, unnest(twentieths) WITH ORDINALITY AS each (listens, place)
                ) AS parts GROUP BY n
            ) AS sums
        )
    )
    FROM (
        SELECT listens, credited FROM open UNION ALL SELECT listens, credited FROM ended
    ) AS counted
"""  # noqa: S608


OF_DAYS = f"""
WITH asked AS MATERIALIZED (
    SELECT %s::bigint AS clip, %s::date AS first_day, %s::date AS last_day
)
SELECT ({HEARD}) AS heard
"""


def heard_on_days(clip_id: int, first_day: date, last_day: date) -> dict[str, Any]:
    """Return what was heard of a clip by the listens that began on these days (UTC)."""
    [row] = read(OF_DAYS, [clip_id, first_day, last_day], prepared=True)
    return heard(row["heard"])


def heard(found: dict[str, Any]) -> dict[str, Any]:
    """Return listens, seconds heard, the median of the shares heard, and the retention.

    Retention is the share of listens that heard each twentieth of the clip.
    """
    listens = found["listens"] or 0
    reached = dict(found["twentieths"] or ())
    return {
        "listens": listens,
        "seconds": round((found["credited"] or 0) / 1000, 3),
        "median_share": _median(dict(found["shares"] or ()), listens),
        "retention": [round(reached.get(n, 0) / max(1, listens), 4) for n in range(TWENTIETHS)],
    }


def _median(shares: dict[int, int], listens: int) -> float | None:
    """Return the median, from the number of listens by their share in per cent.

    Of an even number, it is the mean of the two in the middle.
    """
    if not listens:
        return None
    up_to = [*accumulate(shares.get(share, 0) for share in range(SHARES))]
    middle = (
        next(share for share, number in enumerate(up_to) if number > place)
        for place in ((listens - 1) // 2, listens // 2)
    )
    return sum(middle) / 200
