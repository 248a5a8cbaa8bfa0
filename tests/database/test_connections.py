"""Each thread keeps its connection, which is checked without a round trip and has a deadline."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import NotSupportedError, OperationalError, close_old_connections, connection
from django.test.utils import CaptureQueriesContext

from clips_site.database.embedded.cluster import SUPERUSER
from clips_site.database.postgresql.base import Connection
from harness.postgres import DATABASE, Postgres
from harness.waiting import until
from library.models.rows import read


def backend() -> int:
    """Return the id of the process that serves this thread's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid: int = cursor.fetchone()[0]
        return pid


def elsewhere() -> psycopg.Connection[Any]:
    """Return another connection to the database of the tests."""
    parameters = connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}
    return psycopg.connect(**parameters, autocommit=True)


def test_next_request_uses_the_same_connection_and_the_check_sends_nothing(
    transactional_db: None,
) -> None:
    first = backend()
    with CaptureQueriesContext(connection) as statements:
        close_old_connections()  # as before each request
        assert connection.is_usable()
    assert len(statements) == 0
    assert backend() == first


def test_connection_that_the_server_has_ended_is_replaced(transactional_db: None) -> None:
    first = backend()
    with elsewhere() as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", [first])
    close_old_connections()
    assert backend() != first


def test_connection_in_an_unfinished_transaction_is_replaced(transactional_db: None) -> None:
    first = backend()
    connection.connection.execute("BEGIN")
    close_old_connections()
    assert backend() != first


def test_statement_past_its_deadline_fails_and_is_cancelled(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.ensure_connection()
    monkeypatch.setattr(Connection, "deadline", 0.2)
    with connection.cursor() as cursor, pytest.raises(OperationalError, match="No response"):
        cursor.execute("SELECT pg_sleep(6 * 100)")
    monkeypatch.undo()
    close_old_connections()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        until(lambda: sleeping(cursor) == 0)


def sleeping(cursor: Any) -> int:
    """Count the statements that still sleep."""
    cursor.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(6%' "
        "AND state = 'active'"
    )
    count: int = cursor.fetchone()[0]
    return count


@pytest.mark.processes
def test_statement_on_a_frozen_server_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Postgres(tmp_path / "frozen") as postgres:
        kept = Connection.connect(host=postgres.server, user=SUPERUSER, dbname=DATABASE)
        monkeypatch.setattr(Connection, "deadline", 0.2)
        with postgres.paused(), pytest.raises(psycopg.OperationalError, match="No response"):
            kept.execute("SELECT 1")
        assert kept.closed


def test_prepared_statement_that_no_longer_fits_its_table_fails_once(
    transactional_db: None,
) -> None:
    with elsewhere() as migration:
        migration.execute("CREATE TABLE shape (size int)")
        try:
            read("SELECT size FROM shape", prepared=True)
            migration.execute("ALTER TABLE shape ALTER size TYPE bigint")
            with pytest.raises(NotSupportedError):
                read("SELECT size FROM shape", prepared=True)
            close_old_connections()
            assert read("SELECT size FROM shape", prepared=True) == []
        finally:
            migration.execute("DROP TABLE shape")
