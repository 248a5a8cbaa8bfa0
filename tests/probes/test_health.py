"""Probes: alive, ready, and what is wrong, in bounded time whatever hangs."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import requests
from django.db import connection, transaction
from django.test import Client

from harness.service import Server
from library.probes import health
from tests.settings import LOCAL
from tests.support.log_lines import lines

Ask = Callable[..., requests.Response]
WELL = {"database": "ok", "migrations": "ok", "store": "ok", "disk": "ok"}


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@contextmanager
def no_connections() -> Iterator[None]:
    """The database lets nobody in, and has thrown out whom it had, but for the tests."""
    elsewhere = connection.get_connection_params() | {"dbname": "postgres", "autocommit": True}
    database = connection.ops.quote_name(connection.settings_dict["NAME"])
    with psycopg.connect(**elsewhere) as administrator:
        administrator.execute(f"ALTER DATABASE {database} WITH ALLOW_CONNECTIONS false")
        try:
            sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            yield
        finally:
            administrator.execute(f"ALTER DATABASE {database} WITH ALLOW_CONNECTIONS true")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/livez", {"status": "alive"}),
        ("/readyz", {"status": "ready", "problems": [], "checks": WELL}),
    ],
)
def test_well(http: Ask, path: str, told: dict[str, Any]) -> None:
    answer = http("GET", path)
    assert (answer.status_code, answer.json()) == (200, told)
    assert answer.headers["Cache-Control"] == "no-store"
    head = http("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")


def test_database_that_is_away_and_comes_back(http: Ask) -> None:
    with no_connections():
        away = http("GET", "/readyz")
        assert http("GET", "/livez").status_code == 200
    assert (away.status_code, away.json()["problems"]) == (503, ["the database does not answer"])
    unknown = {"database": "the database does not answer", "migrations": "unknown"}
    assert away.json()["checks"] == WELL | unknown
    assert http("GET", "/readyz").json()["checks"] == WELL


def test_kept_connection_that_broke_is_no_reason_to_be_unready(http: Ask) -> None:
    for _ in range(8):  # so each process has one
        http("GET", "/readyz")
    with no_connections():
        pass
    assert [http("GET", "/readyz").status_code for _ in range(8)] == [200] * 8


def test_database_that_hangs_is_told_and_holds_one_thread_of_a_process(
    server: Server, http: Ask
) -> None:
    with ThreadPoolExecutor(40) as probes, transaction.atomic():
        sql("LOCK TABLE django_migrations IN ACCESS EXCLUSIVE MODE")
        asked = [probes.submit(http, "GET", "/readyz") for _ in range(40)]
        assert {probe.result().status_code for probe in asked} == {503}
        assert http("GET", "/readyz").json()["problems"] == ["the database does not answer"]
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            assert cursor.fetchone()[0] <= len(server.workers())
    until = time.monotonic() + 20
    while http("GET", "/readyz").status_code != 200:
        assert time.monotonic() < until


def test_missing_migration_is_named(http: Ask) -> None:
    gone = ("library", "0004_clip_writing")
    sql("DELETE FROM django_migrations WHERE app = %s AND name = %s", *gone)
    try:
        told = http("GET", "/readyz")
    finally:
        sql("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, now())", *gone)
    problem = "migrations are not applied: 1, the first is library.0004_clip_writing"
    assert (told.status_code, told.json()["checks"]) == (503, WELL | {"migrations": problem})


def test_store_that_cannot_be_written_is_told_and_logged_once(server: Server, http: Ask) -> None:
    folder, away = LOCAL / "audio-store", LOCAL / "audio-store.away"
    folder.mkdir(exist_ok=True)
    folder.rename(away)
    try:
        folder.write_text("no folder")
        told = [http("GET", "/readyz") for _ in range(20)][-1]
    finally:
        folder.unlink()
        away.rename(folder)
    problem = "the audio store cannot be written to (File exists)"
    assert (told.status_code, told.json()["checks"]) == (503, WELL | {"store": problem})
    logged = [line for line in lines(server) if line["event"] == f"Not ready: {problem}"]
    assert 1 <= len(logged) <= len(server.workers())
    assert logged[0]["store"] == problem


@pytest.mark.parametrize(("ignored", "status"), [([], 503), (["store", "disk"], 200)])
def test_disk_that_is_nearly_full_is_told_where_it_is_ignored_too(
    transactional_db: None, client: Client, settings: Any, ignored: list[str], status: int
) -> None:
    settings.CLIPS_READY_DISK_FREE_BYTES = 10**18
    settings.CLIPS_READY_IGNORE = ignored
    try:
        health._database.ask()  # that the first question takes longer is not what is tested
        told = client.get("/readyz")
    finally:
        health._database.close()
    assert told.status_code == status
    problem = told.json()["checks"]["disk"]
    assert problem.endswith("left, fewer than 1,000,000,000,000,000,000")
    assert told.json()["problems"] == [problem]
