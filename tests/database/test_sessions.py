"""Sessions of PostgreSQL have names, and the server ends those of frozen processes."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
import requests
from django.db import connection, transaction

from clips_site.database.postgresql.base import DatabaseWrapper
from clips_site.database.postgresql.sessions import Sessions, sessions
from harness.service import Server
from harness.waiting import until
from library.api.errors import DatabaseUnavailable, api_error
from library.models import Clip
from library.models.transactions import allow_idle
from tests.support.editors import bearer, editor

IDLE = "idle_in_transaction_session_timeout"


def value(database: Any, name: str) -> str:
    """Return the value of a setting in the session of a connection."""
    with database.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        found: str = cursor.fetchone()[0]
        return found


def test_server_side_keepalives_are_sent_with_the_operators_options(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=8MB")
    options = Sessions().parameters({"host": "db"})["options"]
    assert options == (
        "-c tcp_keepalives_idle=3 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=3"
        " -c tcp_user_timeout=6000 -c idle_in_transaction_session_timeout=600000 -c work_mem=8MB"
    )


def test_worker_has_a_shorter_limit_than_a_command(settings: Any) -> None:
    settings.POSTGRES_IDLE_IN_TRANSACTION = 1.5
    of_worker = Sessions()
    of_worker.serve_requests()
    parameters = of_worker.parameters({})
    assert f"-c {IDLE}=1500" in parameters["options"]
    assert parameters["application_name"].startswith("clips web on ")


def test_pooler_gets_no_options(settings: Any) -> None:
    settings.POSTGRES_POOLER = True
    assert "options" not in Sessions().parameters({})


@pytest.mark.parametrize(
    ("message", "refused"),
    [
        ("FATAL:  unsupported startup parameter: options", True),
        ("unsupported startup parameter in options: tcp_keepalives_idle", True),
        ("FATAL:  sorry, too many clients already", False),
    ],
)
def test_pooler_that_refuses_options_is_noticed(message: str, refused: bool) -> None:
    unaware = Sessions()
    assert unaware.refused(psycopg.OperationalError(message)) is refused
    assert ("options" in unaware.parameters({})) is not refused


def test_name_can_be_set_by_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGAPPNAME", "x" * 100)
    assert sessions.parameters({})["application_name"] == "x" * 63


def test_session_of_a_command_has_its_limits(transactional_db: None) -> None:
    other = connection.copy()
    try:
        assert value(other, IDLE) == "10min"
        assert value(other, "application_name").startswith("clips ")
    finally:
        other.close()


def test_behind_a_pooler_nothing_needs_the_same_session(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "pooled", True)
    pooled = connection.copy()
    assert isinstance(pooled, DatabaseWrapper)
    try:
        assert value(pooled, IDLE) == "0"
        with pooled.chunked_cursor() as cursor:
            assert not getattr(cursor, "name", None)
        for _ in range(8):
            pooled.read("SELECT 1 AS one", prepared=True)
        assert pooled.read("SELECT count(*) AS n FROM pg_prepared_statements") == [{"n": 0}]
    finally:
        pooled.close()


def test_prepared_reads_are_prepared(transactional_db: None) -> None:
    database: Any = connection
    for prepared, statement in ((True, "SELECT 5 AS five"), (False, "SELECT 6 AS six")):
        for _ in range(8):
            database.read(statement, prepared=prepared)
    found = database.read("SELECT statement FROM pg_prepared_statements")
    statements = [row["statement"] for row in found]
    assert "SELECT 5 AS five" in statements
    assert "SELECT 6 AS six" not in statements


def test_transaction_that_is_idle_for_too_long_is_an_unavailable_database(
    transactional_db: None,
) -> None:
    frozen = connection.copy()
    with pytest.raises(Exception) as raised, transaction.atomic():  # noqa: PT012
        allow_idle(0.05)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone()
        with frozen.cursor() as watching:
            until(lambda: is_gone(watching, pid))
        Clip.objects.count()
    frozen.close()
    assert isinstance(api_error(raised.value), DatabaseUnavailable)
    connection.close()
    assert Clip.objects.count() == 0


def is_gone(cursor: Any, pid: int) -> bool:
    cursor.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid])
    return bool(cursor.rowcount == 0)


def test_sessions_of_the_service_have_names(
    server: Server, http: Callable[..., requests.Response], clip: Clip
) -> None:
    http("GET", f"/api/v1/clips/{clip.pk}/stream")
    http("GET", "/api/v1/clips")
    http("GET", "/readyz")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT split_part(application_name, ' ', 2) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE 'clips % on %'"
        )
        names = {name for (name,) in cursor}
    assert names >= {"web", "plays", "clips", "versions", "readiness"}


@pytest.fixture
def slow_update(transactional_db: None) -> None:
    """A change of a clip's title to `slow` takes a moment, in which its worker can be frozen."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep(1); RETURN NEW; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER linger BEFORE UPDATE ON library_clip FOR EACH ROW"
            " WHEN (NEW.title = 'slow') EXECUTE FUNCTION linger()"
        )


def test_frozen_worker_keeps_its_locks_for_a_moment_only(
    server: Server,
    http: Callable[..., requests.Response],
    start_server: Callable[..., Server],
    clip: Clip,
    slow_update: None,
) -> None:
    """The process lives on, so the network works and its connections stay open."""
    other = start_server(WEB_CONCURRENCY="1", POSTGRES_IDLE_IN_TRANSACTION="0.5")
    path, headers = f"/api/v1/clips/{clip.pk}", bearer(editor())
    change: dict[str, Any] = {"json": {"title": "slow"}, "headers": headers, "timeout": 30}
    (worker,) = other.workers()
    try:
        with ThreadPoolExecutor() as pool, connection.cursor() as cursor:
            changing = pool.submit(requests.patch, other.url + path, **change)
            until(lambda: is_updating(cursor))
            os.kill(worker, signal.SIGSTOP)
            until(lambda: http("GET", f"{path}/stream").status_code == 200)
            assert {http("GET", f"{path}/stream").status_code for _ in range(20)} == {200}
            os.kill(worker, signal.SIGCONT)
            response = changing.result()
            assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
            clip.refresh_from_db()
            assert (clip.title, clip.play_count) == ("Ambient Sounds", 21)
            again = requests.patch(other.url + path, **change | {"json": {"title": "Quick"}})
            assert again.status_code == 200
    finally:
        os.kill(worker, signal.SIGCONT)
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION linger CASCADE")
    assert "Traceback" not in other.log.read_text()


def is_updating(cursor: Any) -> bool:
    cursor.execute("SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    return bool(cursor.rowcount == 1)
