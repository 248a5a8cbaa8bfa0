"""Counters, tallies and events compared, and made anew from the events.

An event, its counter and its tallies are written together, so they agree unless somebody has
changed one by hand, or a bug has. The events are what is believed, from the oldest partition on;
for the time before that, whose events are pruned, the tallies are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from library.plays import partitions

QUARTER = "date_bin('15 minutes', played_at, 'epoch')"
DAY = "(played_at AT TIME ZONE 'UTC')::date"


@dataclass(frozen=True)
class Tally:
    """A table of sums of events.

    `sums` are its columns that can be compared row by row, `recount` selects all its columns from
    `events`.
    """

    table: str
    keys: tuple[str, ...]
    time: str
    sums: tuple[str, ...]
    recount: str


# A listener's first play of a clip on a day is told by its time; two recorded in the same
# microsecond, or by transactions that overlap, may have gone the other way round. So the listeners
# are compared by clip and day, see LISTENERS.
TALLIES = (
    Tally(
        "library_playtally",
        ("clip_id", "quarter"),
        "quarter",
        ("plays",),
        f"SELECT clip_id, {QUARTER} AS quarter, count(*) AS plays FROM events GROUP BY 1, 2",
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
WITH tallied AS (SELECT clip_id, sum(plays) AS plays FROM library_playtally GROUP BY 1)
SELECT id, id::text, play_count, coalesce(plays, 0)
FROM library_clip LEFT JOIN tallied ON clip_id = id
WHERE play_count <> coalesce(plays, 0) ORDER BY library_clip.id
"""
LIBRARY = """
WITH kept AS (SELECT quarter, sum(plays) AS kept FROM library_librarytally GROUP BY 1),
counted AS (SELECT quarter, sum(plays) AS counted FROM library_playtally GROUP BY 1)
SELECT NULL, quarter::text, kept, counted FROM kept FULL JOIN counted USING (quarter)
WHERE coalesce(kept, 0) <> coalesce(counted, 0) ORDER BY quarter
"""


@dataclass(frozen=True)
class Difference:
    """Two numbers that should be one; `key` tells the row, as `clip, time, …`."""

    where: str
    key: str
    kept: str
    counted: str
    clip_id: int | None


def events_since() -> datetime:
    """From when on all events are there: where the oldest partition begins."""
    existing = partitions.existing()
    return existing[0].since if existing else timezone.now()


def tally_differences(partition: partitions.Partition) -> Iterator[Difference]:
    """Where the tallies of a partition's month differ from its events."""
    for tally in TALLIES:
        yield from _found(tally.table, _compared(tally), partition)
    yield from _found("library_audiencetally, listeners", LISTENERS, partition)


def total_differences() -> Iterator[Difference]:
    """Where the clips' counters and the library's tally differ from the tallies of the clips."""
    yield from _found("library_clip, play_count", COUNTERS)
    yield from _found("library_librarytally", LIBRARY)


def _compared(tally: Tally) -> str:
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


def _found(
    where: str, sql: str, partition: partitions.Partition | None = None
) -> Iterator[Difference]:
    span = {"since": partition.since, "until": partition.until} if partition else None
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TIME ZONE 'UTC'")
        cursor.execute(sql, span)
        for clip_id, key, kept, counted in cursor:
            yield Difference(
                where, key, str(0 if kept is None else kept), str(counted or 0), clip_id
            )


def rebuild(clip_id: int | None, since: datetime) -> None:
    """Make a clip's tallies anew from its events since a month's beginning, and its counter.

    `None` rebuilds all clips, for a library that nobody plays meanwhile. The clip's row is locked,
    so that no play of it comes between; who notes how streams ended waits.
    """
    values = {"clip": clip_id, "since": since}
    one = "TRUE" if clip_id is None else "clip_id = %(clip)s"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL TIME ZONE 'UTC'")
        cursor.execute(
            f"SELECT FROM library_clip WHERE {one.replace('clip_id', 'id')} ORDER BY id"
            " FOR NO KEY UPDATE",
            values,
        )
        cursor.execute("LOCK TABLE library_completiontally IN SHARE ROW EXCLUSIVE MODE")
        for tally in TALLIES:
            cursor.execute(
                f"DELETE FROM {tally.table} WHERE {one} AND {tally.time} >= %(since)s", values
            )
            cursor.execute(
                f"""WITH events AS (
                    SELECT * FROM library_playevent WHERE {one} AND played_at >= %(since)s
                )
                INSERT INTO {tally.table} {tally.recount} ORDER BY 2, 1""",
                values,
            )
        cursor.execute(
            f"""WITH tallied AS (
                SELECT clip_id, sum(plays) AS plays FROM library_playtally WHERE {one} GROUP BY 1
            ), played AS (
                SELECT clip_id, min(played_at) AS first, max(played_at) AS last
                FROM library_playevent WHERE {one} AND played_at >= %(since)s GROUP BY 1
            )
            UPDATE library_clip SET
                play_count = coalesce(plays, 0),
                first_played_at = least(library_clip.first_played_at, first),
                last_played_at = greatest(library_clip.last_played_at, last)
            FROM library_clip AS clip
            LEFT JOIN tallied ON clip.id = tallied.clip_id
            LEFT JOIN played ON clip.id = played.clip_id
            WHERE library_clip.id = clip.id AND {one.replace("clip_id", "clip.id")}""",
            values,
        )


def rebuild_library_tally() -> None:
    """Make the library's tally anew from those of the clips; plays wait for a moment."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE library_librarytally IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute("DELETE FROM library_librarytally")
        cursor.execute(
            "INSERT INTO library_librarytally (quarter, slot, plays)"
            " SELECT quarter, 0, sum(plays) FROM library_playtally GROUP BY 1 ORDER BY 1"
        )
