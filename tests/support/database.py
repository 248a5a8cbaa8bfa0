"""Emptying the database after a test, and locks that a test holds or waits for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg.errors import DeadlockDetected

from library.models import Clip

KEPT = {"auth_permission", "django_content_type", "django_migrations", "library_changestate"}
# A service that outlives a test must not find an earlier version of the library again.
ADVANCE_VERSION = """
UPDATE library_changestate
SET last_seq = last_seq + 1, last_change = last_seq + 1, available = 0, pruned = last_seq + 1
"""


@contextmanager
def locked(clip: Clip) -> Iterator[None]:
    """Hold a lock on the clip's row, as another transaction would."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT FROM library_clip WHERE id = %s FOR UPDATE", [clip.pk])
        yield


@contextmanager
def hidden_clips() -> Iterator[None]:
    """Rename the table of clips, so that only answers that are kept can show them."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE library_clip RENAME TO hidden")
        try:
            yield
        finally:
            cursor.execute("ALTER TABLE hidden RENAME TO library_clip")


@contextmanager
def other_connection() -> Iterator[CursorWrapper]:
    """Connect again, and begin a transaction that ends with COMMIT."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            yield cursor
    finally:
        other.close()


def await_blocked_transaction(number: int = 1) -> None:
    """Return once so many transactions wait for the locks of others."""
    deadline = time.monotonic() + 20
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT FROM pg_locks WHERE NOT granted")
            if cursor.rowcount >= number:
                return
    raise AssertionError("no transaction is waiting")


def empty_tables() -> None:
    """Delete all rows but those that migrations write, after a test that committed some.

    Django's own way, which pytest-django uses, creates all content types and permissions again, and
    TRUNCATE creates new files for each table and index. Both take longer than most tests.

    A service may still be writing, such as the state of a clip's audio after its answer. If the two
    wait for each other, PostgreSQL ends one of them, and the tables are emptied at the next try.
    """
    for attempt in reversed(range(5)):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_statements())
        except OperationalError as error:
            if not attempt or not isinstance(error.__cause__, DeadlockDetected):
                raise
        else:
            return


def _statements() -> str:
    """Return the statements that empty the tables."""
    tables = sorted(set(connection.introspection.table_names()) - KEPT)
    without_triggers = "SET LOCAL session_replication_role = replica"  # and without foreign keys
    deletions = (f'DELETE FROM "{table}"' for table in tables)
    return ";".join((without_triggers, *deletions, ADVANCE_VERSION))
