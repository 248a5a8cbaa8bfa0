"""Compare counters, tallies and events.

An event, its counter and its tallies are written together, so they differ only after a change by
hand or because of a bug. The events are authoritative, month by month; for months whose events have
been pruned, the tallies are.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

from library.models.play import BY_PEOPLE, KNOWN_PEOPLE
from library.plays import partitions

QUARTER = "date_bin('15 minutes', played_at, 'epoch')"
DAY = "(played_at AT TIME ZONE 'UTC')::date"


@dataclass(frozen=True)
class Tally:
    """A table of sums of events.

    `sums` are the columns that can be compared row by row; `recount` selects all columns from
    `events`.
    """

    table: str
    keys: tuple[str, ...]
    time: str
    sums: tuple[str, ...]
    recount: str


# The time decides which play was a listener's first of a clip on a day. Two plays recorded in the
# same microsecond, or by overlapping transactions, may have been counted in the other order. So
# listeners are compared by clip and day (LISTENERS).
TALLIES = (
    Tally(
        "library_playtally",
        ("clip_id", "quarter"),
        "quarter",
        ("plays", "people"),
        f"""SELECT clip_id, {QUARTER} AS quarter, count(*) AS plays,
            count(*) FILTER (WHERE {BY_PEOPLE}) AS people
        FROM events GROUP BY 1, 2""",
    ),
    Tally(
        "library_audiencetally",
        ("clip_id", "day", "client", "referrer"),
        "day",
        ("plays",),
        f"""SELECT clip_id, day, client, referrer, count(*) AS plays,
            count(*) FILTER (WHERE nth = 1 AND listener IS NOT NULL) AS listeners
        FROM (
            SELECT *, {DAY} AS day, row_number() OVER (
                PARTITION BY clip_id, {DAY}, listener ORDER BY played_at, id
            ) AS nth
            FROM events
        ) AS numbered GROUP BY 1, 2, 3, 4""",
    ),
    Tally(
        "library_completiontally",
        ("clip_id", "quarter"),
        "quarter",
        ("ended", "completed", "bytes_sent"),
        f"""SELECT clip_id, {QUARTER} AS quarter, count(*) AS ended,
            count(*) FILTER (WHERE completed) AS completed, sum(bytes_sent) AS bytes_sent
        FROM events WHERE completed IS NOT NULL GROUP BY 1, 2""",
    ),
)
LISTENERS = f"""
WITH kept AS (
    SELECT clip_id, day, sum(listeners) AS kept FROM library_audiencetally
    WHERE day >= %(since)s::date AND day < %(until)s::date GROUP BY 1, 2
), counted AS (
    SELECT clip_id, {DAY} AS day, count(DISTINCT listener) AS counted FROM library_playevent
    WHERE played_at >= %(since)s AND played_at < %(until)s GROUP BY 1, 2
)
SELECT clip_id, concat_ws(', ', clip_id, day), kept, counted
FROM kept FULL JOIN counted USING (clip_id, day)
WHERE coalesce(kept, 0) <> coalesce(counted, 0) ORDER BY 1, day
"""
COUNTERS = """
WITH tallied AS (
    SELECT clip_id, sum(plays) AS plays, min(quarter) AS first, max(quarter) AS last
    FROM library_playtally GROUP BY 1
)
SELECT
    id, id::text AS key, concat_ws(', ', play_count, first_played_at, last_played_at),
    concat_ws(', ', coalesce(plays, 0), first, last)
FROM library_clip LEFT JOIN tallied ON clip_id = id
WHERE (
    play_count, date_bin('15 minutes', first_played_at, 'epoch'),
    date_bin('15 minutes', last_played_at, 'epoch')
) IS DISTINCT FROM (coalesce(plays, 0), first, last) ORDER BY id
"""
# From the audience, which is known for all plays.
PEOPLE_COUNTERS = f"""
WITH tallied AS (
    SELECT clip_id, sum(plays) AS people FROM library_audiencetally WHERE {BY_PEOPLE} GROUP BY 1
)
SELECT id, id::text AS key, people_count, coalesce(people, 0)
FROM library_clip LEFT JOIN tallied ON clip_id = id
WHERE people_count <> coalesce(people, 0) ORDER BY id
"""
_SUMS = f"concat_ws(', ', sum(plays), {KNOWN_PEOPLE})"
LIBRARY = f"""
WITH kept AS (SELECT quarter, {_SUMS} AS kept FROM library_librarytally GROUP BY 1),
counted AS (SELECT quarter, {_SUMS} AS counted FROM library_playtally GROUP BY 1)
SELECT NULL, quarter::text, kept, counted FROM kept FULL JOIN counted USING (quarter)
WHERE kept IS DISTINCT FROM counted ORDER BY quarter
"""

AVAILABLE = """
SELECT NULL, 'available clips', kept, counted
FROM (SELECT available AS kept FROM library_changestate) AS state, (
    SELECT count(*) AS counted FROM library_clip WHERE deleted_at IS NULL AND state = 'published'
) AS clips WHERE kept <> counted
"""


@dataclass(frozen=True)
class Difference:
    """Two numbers that should be equal; `key` identifies the row as `clip, time, …`.

    `clip_id` and `month` say what to rebuild. `clip_id` is None for the library's tally; `month` is
    None if only the clip's counters are wrong.
    """

    where: str
    key: str
    kept: str
    counted: str
    clip_id: int | None
    month: partitions.Partition | None


def tally_differences(month: partitions.Partition) -> Iterator[Difference]:
    """Yield the differences between the tallies of a month and its events."""
    for tally in TALLIES:
        yield from _differences(tally.table, _comparison(tally), month)
    yield from _differences("library_audiencetally, listeners", LISTENERS, month)


def total_differences() -> Iterator[Difference]:
    """Yield the differences of the clips' counters and the library's tally from the clips' tallies.

    The times of the first and the last play are compared to the quarter of an hour. The number of
    public clips in the feed's state is compared with the clips.
    """
    yield from _differences("library_clip", COUNTERS)
    yield from _differences("library_clip, people", PEOPLE_COUNTERS)
    yield from _differences("library_librarytally", LIBRARY)
    yield from _differences("library_changestate", AVAILABLE)


def _comparison(tally: Tally) -> str:
    keys = ", ".join(tally.keys)
    sums = "concat_ws(', ', {})".format(", ".join(tally.sums))
    return f"""
    WITH events AS (
        SELECT * FROM library_playevent WHERE played_at >= %(since)s AND played_at < %(until)s
    ), kept AS (
        SELECT {keys}, {sums} AS kept FROM {tally.table}
        WHERE {tally.time} >= %(since)s AND {tally.time} < %(until)s
    ), counted AS (
        SELECT {keys}, {sums} AS counted FROM ({tally.recount}) AS recounted
    )
    SELECT clip_id, concat_ws(', ', {keys}), kept, counted
    FROM kept FULL JOIN counted USING ({keys})
    WHERE kept IS DISTINCT FROM counted ORDER BY {keys}
    """


def _differences(
    where: str, sql: str, month: partitions.Partition | None = None
) -> Iterator[Difference]:
    span = {"since": month.since, "until": month.until} if month else None
    with connection.chunked_cursor() as cursor:  # there may be millions
        cursor.execute(sql, span)
        for clip_id, key, kept, counted in cursor:
            yield Difference(where, key, str(kept or 0), str(counted or 0), clip_id, month)
