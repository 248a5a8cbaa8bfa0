"""The feed of changes: everything that happened to public clips, in the order of the commits.

Triggers write it in the transaction of each change (migration 0022), whether the service or an
operator makes it. Plays are not changes. Numbers rise and have gaps.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from library.direct_connection import Call

KEPT = timedelta(days=30)
PORTION = 10_000  # changes of a row of the table at most
LATEST: Call = (b"SELECT last_change FROM library_changestate", ())
BEGINNING = "0.0"  # the cursor before the first change

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_READ = "SELECT * FROM library_changes_after(%s, %s)"
_NUMBERED = "FROM library_change WHERE change IS NOT NULL AND last_seq"
# The row of a number, or the next one if it has been pruned.
_ROW_OF = f"SELECT at {_NUMBERED} >= %s ORDER BY last_seq LIMIT 1"
_NEWEST = f"SELECT last_seq, at {_NUMBERED} IS NOT NULL ORDER BY last_seq DESC LIMIT 1"


class CursorExpiredError(Exception):
    """Changes after this place were pruned, or the place is of another history of the library.

    The latter happens after a backup was restored.
    """


class Change(NamedTuple):
    """A change of a public clip: a ChangeKind, and the reason of a withdrawal, if there is one."""

    seq: int
    clip_id: int
    change: str
    reason: str | None
    at: datetime


class Page(NamedTuple):
    """Changes, and the cursor that continues after them."""

    changes: Sequence[Change]
    cursor: str


def page(cursor: str, limit: int) -> Page:
    """Return up to `limit` changes after a cursor. It must be valid, see `seq_of`.

    If these are all, the new cursor is at the end of the feed. Runs three statements. Raises
    CursorExpiredError and django.db.Error.
    """
    after = seq_of(cursor)
    with connection.cursor() as database:
        end = _end(database)  # before the changes, so none is after it and missing
        changes = _read(database, after, limit)
        if after:
            _check(database, after, cursor)  # after reading, so none was pruned before it
    if changes and (len(changes) == limit or changes[-1].seq > seq_of(end)):
        end = _cursor(changes[-1].seq, changes[-1].at)
    return Page(changes, end if seq_of(end) >= after else cursor)


def changes_after(seq: int, limit: int) -> list[Change]:
    """Return up to `limit` changes with higher numbers.

    Raises CursorExpiredError if some are gone.
    """
    with connection.cursor() as database:
        changes = _read(database, seq, limit)
        database.execute("SELECT pruned FROM library_changestate")  # after reading
        if seq < database.fetchone()[0]:
            raise CursorExpiredError
    return changes


def latest() -> int:
    """Return the number of the last change; 0 if there is none."""
    with connection.cursor() as database:
        database.execute(LATEST[0].decode())
        number: int = database.fetchone()[0]
    return number


def end_of_feed() -> str:
    """Return the cursor after all changes."""
    with connection.cursor() as database:
        return _end(database)


def seq_of(cursor: str) -> int:
    """Return the number of a cursor's place. Raises ValueError if the cursor is malformed."""
    seq, dot, at = cursor.partition(".")
    if not (dot and len(cursor) <= 40 and seq.isdecimal() and at.isdecimal() and cursor.isascii()):
        raise ValueError(cursor)
    number = int(seq)
    if number >= 2**63:
        raise ValueError(cursor)
    return number


def prune(before: datetime) -> int:
    """Forget the changes before a time, except for one of each clip that is still public.

    So the feed without a cursor always contains the whole library. The last change before the time
    stays: it is the place of everyone who has read all since then. The library's version differs
    afterwards, because kept pages have cursors that have expired. Return the number of rows that
    were deleted.
    """
    with transaction.atomic(), connection.cursor() as database:
        database.execute(_HORIZON, [before])
        row = database.fetchone()
        if row is None:
            return 0
        database.execute("DELETE FROM library_change WHERE last_seq <= %s", row[:1])
        deleted: int = database.rowcount
        database.execute(_KEEP, {"seq": row[0], "at": row[1], "portion": PORTION})
        database.execute("UPDATE library_changestate SET pruned = %s", row[:1])
        database.execute("INSERT INTO library_change DEFAULT VALUES")  # for the version
    return deleted


_HORIZON = """
SELECT last_seq, at FROM library_change
WHERE change IS NOT NULL AND at < %s AND last_seq > (SELECT pruned FROM library_changestate)
ORDER BY last_seq DESC LIMIT 1 OFFSET 1
"""
# This statement sees the clips and the changes at the same moment. The time of the new rows differs
# from all others, so cursors to places among the deleted changes are not taken for places in them.
_KEEP = """
WITH changed AS (
    SELECT DISTINCT clip FROM library_change, unnest(clips) AS clip WHERE last_seq > %(seq)s
), kept AS (
    SELECT id, (row_number() OVER (ORDER BY id) - 1) / %(portion)s AS portion FROM library_clip
    WHERE deleted_at IS NULL AND state = 'published'
        AND NOT EXISTS (SELECT FROM changed WHERE clip = id)
), portions AS (
    SELECT
        array_agg(id ORDER BY id) AS clips,
        sum(count(*)) OVER (ORDER BY portion DESC) - count(*) AS later
    FROM kept GROUP BY portion
)
INSERT INTO library_change (last_seq, change, at, clips)
SELECT %(seq)s - later, 'published', %(at)s + interval '1 microsecond', clips
FROM portions ORDER BY later DESC
"""


def _read(database: CursorWrapper, after: int, limit: int) -> list[Change]:
    database.execute(_READ, [after, limit])
    return [Change(*row) for row in database.fetchall()]


def _check(database: CursorWrapper, seq: int, cursor: str) -> None:
    """Raise CursorExpiredError unless the cursor's change, or its row, is still in the table."""
    database.execute(_ROW_OF, [seq])
    row = database.fetchone()
    if row is None or _cursor(seq, row[0]) != cursor:
        raise CursorExpiredError


def _end(database: CursorWrapper) -> str:
    database.execute(_NEWEST)
    row = database.fetchone()
    return _cursor(*row) if row else BEGINNING


def _cursor(seq: int, at: datetime) -> str:
    return f"{seq}.{(at - _EPOCH) // timedelta(microseconds=1)}"
