"""Locks that commands hold for long: they exclude others, name their holder, and end with it."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from clips_site.database.postgresql.sessions import sessions
from harness.waiting import until
from library.advisory_locks import LockHeldError, advisory_lock
from library.management.commands import prepare

KEY = 0x7465737400000001  # more than 32 bits
HELD = (
    "FROM pg_locks WHERE locktype = 'advisory' AND (classid::bigint << 32) + objid::bigint = %s"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_holder_is_named_and_its_end_awaited() -> None:
    reported: list[str] = []
    with advisory_lock(KEY):
        pass
    with advisory_lock(KEY):
        name = f"clips {sessions.purpose} on .*"
        holder = f"“{name}” on a local socket, PostgreSQL's process {pid_of_holder()}"
        with pytest.raises(LockHeldError, match=holder), advisory_lock(KEY, 0.5, reported.append):
            pass
    assert len(reported) == 1
    with advisory_lock(KEY, wait=5):
        pass


def pid_of_holder() -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pid {HELD}", [KEY])
        (pid,) = cursor.fetchone()
        return int(pid)


def test_no_lock_is_left_in_a_session() -> None:
    with advisory_lock(KEY), connection.cursor() as cursor:
        cursor.execute("SELECT state FROM pg_stat_activity WHERE pid = %s", [pid_of_holder()])
        assert cursor.fetchone() == ("idle in transaction",)
    with connection.cursor() as cursor:
        until(lambda: number_of_locks(cursor) == 0)


def number_of_locks(cursor: Any) -> int:
    cursor.execute(f"SELECT count(*) {HELD}", [KEY])
    found: int = cursor.fetchone()[0]
    return found


def test_lock_ends_with_its_connection() -> None:
    with advisory_lock(KEY):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [pid_of_holder()])
        with advisory_lock(KEY):
            pass


def test_unreachable_database_is_an_error_of_django(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "NAME", "no_such_database")
        with pytest.raises(OperationalError), advisory_lock(KEY):
            pass


def test_prepare_gives_up_and_names_the_process_that_prepares() -> None:
    expected = (
        "After 0.1 s, the database is still being prepared by "
        rf"“clips {sessions.purpose} on .*process \d"
    )
    with advisory_lock(prepare.LOCK), pytest.raises(CommandError, match=expected):
        call_command("prepare", wait=0.1, verbosity=0)
