"""Advisory locks of PostgreSQL that a command holds for long.

The lock belongs to a transaction of its own connection. A lock of a session would outlast its owner
behind a pooler such as PgBouncer, which gives each transaction to another session.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from django.db import connection
from psycopg.sql import SQL

PAUSE = 0.25  # seconds between two attempts; a wait in PostgreSQL would hold a pooler's connection
LOCK = SQL(
    "SELECT pg_try_advisory_xact_lock({key}),"
    " set_config('idle_in_transaction_session_timeout', '0', true)"
)
HOLDER = """
SELECT pid, application_name, coalesce('at ' || host(client_addr), 'on a local socket')
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND objsubid = 1
AND (classid::bigint << 32) + objid::bigint = %(key)s
AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class LockHeldError(Exception):
    """Another process holds the lock; the message names it."""


@contextmanager
def advisory_lock(
    key: int, wait: float = 0.0, on_wait: Callable[[str], None] = lambda holder: None
) -> Iterator[None]:
    """Hold the lock. `key` is a number of up to 63 bits that nothing else uses.

    Waits for up to `wait` seconds, and calls `on_wait` once with the name of the holder if it must.
    Raises LockHeldError, or django.db.Error. PostgreSQL releases the lock if this process dies or
    its machine fails.
    """
    database: Any = connection  # clips_site/database/postgresql/base.py
    with connection.wrap_database_errors:
        locking: psycopg.Connection[Any] = database.open_separate()
    with closing(locking):
        with connection.wrap_database_errors:
            _acquire(locking, key, wait, on_wait)
        yield


def _acquire(
    locking: psycopg.Connection[Any], key: int, wait: float, on_wait: Callable[[str], None]
) -> None:
    until = time.monotonic() + wait
    waits = False
    while not _locked(locking, key):
        if time.monotonic() >= until:
            raise LockHeldError(_holder(locking, key))
        if not waits:
            on_wait(_holder(locking, key))
            waits = True
        time.sleep(PAUSE)


def _locked(locking: psycopg.Connection[Any], key: int) -> bool:
    """Begin a transaction that holds the lock, if it is free.

    It must not hold a snapshot as well: CREATE INDEX CONCURRENTLY would wait for it, and VACUUM
    would keep dead rows. So it is READ COMMITTED, and has no parameters that PostgreSQL binds: the
    portal of such a statement keeps its snapshot.
    """
    locking.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
    (locked, _) = locking.execute(LOCK.format(key=key)).fetchone() or (False, "")
    if not locked:
        locking.execute("ROLLBACK")
    return bool(locked)


def _holder(locking: psycopg.Connection[Any], key: int) -> str:
    found = locking.execute(HOLDER, {"key": key}).fetchone()
    if found is None:
        return "a process that has just ended"
    pid, name, place = found
    return f"“{name}” {place}, PostgreSQL's process {pid}"
