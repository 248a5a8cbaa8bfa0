"""Add up listens that have ended, and delete them."""

from django.db import connection

from library.models import SHARE, SHARES, TWENTIETHS

AT_ONCE = 10_000  # listens in a transaction

_SHARES = ", ".join(f"count(*) FILTER (WHERE share = {share})" for share in range(SHARES))
_TWENTIETHS = ", ".join(f"sum(twentieths >> {n} & 1)" for n in range(TWENTIETHS))


def _added(column: str) -> str:
    """Return the sum of two arrays, place by place."""
    return f"""(
        SELECT array_agg(before + more ORDER BY place)
        FROM unnest(tally.{column}, excluded.{column}) WITH ORDINALITY AS pair (before, more, place)
    )"""  # noqa: S608


# Rows of the tally are written in the order of their key, so that two calls cannot deadlock.
FOLD = f"""
WITH chosen AS (
    SELECT clip_id, session FROM library_listen WHERE began_at <= now() - interval '1 day'
    ORDER BY began_at LIMIT %s FOR UPDATE SKIP LOCKED
), ended AS (
    DELETE FROM library_listen AS listen USING chosen
    WHERE listen.clip_id = chosen.clip_id AND listen.session = chosen.session
    RETURNING listen.clip_id, (began_at AT TIME ZONE 'UTC')::date AS day, credited, twentieths,
        {SHARE} AS share
), added AS (
    INSERT INTO library_listentally AS tally
        (clip_id, day, listens, credited, shares, twentieths)
    SELECT ended.clip_id, day, count(*), sum(credited), ARRAY[{_SHARES}], ARRAY[{_TWENTIETHS}]
    FROM ended JOIN library_clip AS clip ON clip.id = ended.clip_id
    GROUP BY ended.clip_id, day ORDER BY ended.clip_id, day
    ON CONFLICT (clip_id, day) DO UPDATE SET
        listens = tally.listens + excluded.listens,
        credited = tally.credited + excluded.credited,
        shares = {_added("shares")},
        twentieths = {_added("twentieths")}
)
SELECT count(*) FROM ended
"""  # noqa: S608


def fold() -> int:
    """Move listens that have ended from their table to the tallies. Return how many.

    A listen is in one of them at any time, so statistics do not change.
    """
    total = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(FOLD, [AT_ONCE])
            number: int = cursor.fetchone()[0]
            total += number
            if number < AT_ONCE:
                return total
