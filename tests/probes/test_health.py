"""Health checks respond in limited time, even if the database or a disk hangs."""

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

Request = Callable[..., requests.Response]
WELL = {"database": "ok", "migrations": "ok", "writes": "ok", "store": "ok", "disk": "ok"}


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@contextmanager
def no_connections() -> Iterator[None]:
    """The database refuses connections and has closed all but those of the tests."""
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
    ("path", "expected"),
    [
        ("/livez", {"status": "alive"}),
        ("/readyz", {"status": "ready", "problems": [], "checks": WELL}),
    ],
)
def test_healthy_service_is_200(http: Request, path: str, expected: dict[str, Any]) -> None:
    response = http("GET", path)
    assert (response.status_code, response.json()) == (200, expected)
    assert response.headers["Cache-Control"] == "no-store"
    head = http("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")


def test_service_is_ready_again_after_a_database_outage(http: Request) -> None:
    with no_connections():
        away = http("GET", "/readyz")
        assert http("GET", "/livez").status_code == 200
    assert (away.status_code, away.json()["problems"]) == (503, ["the database is not responding"])
    unknown = {"database": "the database is not responding"}
    unknown |= {"migrations": "unknown", "writes": "unknown"}
    assert away.json()["checks"] == WELL | unknown
    assert http("GET", "/readyz").json()["checks"] == WELL


def test_broken_connection_is_replaced(http: Request) -> None:
    for _ in range(8):  # until each process has a connection
        http("GET", "/readyz")
    with no_connections():
        pass
    assert [http("GET", "/readyz").status_code for _ in range(8)] == [200] * 8


def test_database_that_hangs_is_reported_and_holds_one_thread_of_each_process(
    server: Server, http: Request
) -> None:
    with ThreadPoolExecutor(40) as probes, transaction.atomic():
        sql("LOCK TABLE django_migrations IN ACCESS EXCLUSIVE MODE")
        pending = [probes.submit(http, "GET", "/readyz") for _ in range(40)]
        assert {probe.result().status_code for probe in pending} == {503}
        assert http("GET", "/readyz").json()["problems"] == ["the database is not responding"]
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            assert cursor.fetchone()[0] <= len(server.workers())
    until = time.monotonic() + 20
    while http("GET", "/readyz").status_code != 200:
        assert time.monotonic() < until


def test_missing_migration_is_named(http: Request) -> None:
    gone = ("library", "0004_clip_writing")
    sql("DELETE FROM django_migrations WHERE app = %s AND name = %s", *gone)
    try:
        response = http("GET", "/readyz")
    finally:
        sql("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, now())", *gone)
    problem = "migrations are not applied: 1, the first is library.0004_clip_writing"
    assert (response.status_code, response.json()["checks"]) == (
        503,
        WELL | {"migrations": problem},
    )


def test_unwritable_store_is_reported_and_logged_once(server: Server, http: Request) -> None:
    folder, away = LOCAL / "audio-store", LOCAL / "audio-store.away"
    folder.mkdir(exist_ok=True)
    folder.rename(away)
    try:
        folder.write_text("no folder")
        response = [http("GET", "/readyz") for _ in range(20)][-1]
    finally:
        folder.unlink()
        away.rename(folder)
    problem = "the audio store cannot be written to (File exists)"
    assert (response.status_code, response.json()["checks"]) == (503, WELL | {"store": problem})
    logged = [line for line in lines(server) if line["event"] == f"Not ready: {problem}"]
    assert 1 <= len(logged) <= len(server.workers())
    assert logged[0]["store"] == problem


@pytest.mark.parametrize(("ignored", "status"), [([], 503), (["store", "disk"], 200)])
def test_nearly_full_disk_is_reported_even_if_it_is_ignored(
    transactional_db: None, client: Client, settings: Any, ignored: list[str], status: int
) -> None:
    settings.CLIPS_READY_DISK_FREE_BYTES = 10**18
    settings.CLIPS_READY_IGNORE = ignored
    try:
        health._database.check()  # the first check takes longer
        response = client.get("/readyz")
    finally:
        health._database.close()
    assert response.status_code == status
    problem = response.json()["checks"]["disk"]
    assert problem.endswith("free, fewer than 1,000,000,000,000,000,000")
    assert response.json()["problems"] == [problem]
