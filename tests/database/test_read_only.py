"""A read-only PostgreSQL: reads work, changes are 503, and the service says that it isn't ready."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import requests
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.utils import timezone

from harness.service import Server
from harness.waiting import until
from library.models import Clip
from tests.support.editors import bearer, chief, editor

Http = Callable[..., requests.Response]
NEW = {"title": "New", "genre": "jazz", "duration": 3, "audio_url": "https://example.com/a.mp3"}
PROBLEM = "the database is read-only"


@contextmanager
def read_only() -> Iterator[None]:
    """Make the database read-only for all connections but that of the test."""
    elsewhere: dict[str, Any] = connection.get_connection_params() | {"dbname": "postgres"}
    name = connection.settings_dict["NAME"]
    database = connection.ops.quote_name(name)
    end = (
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
        " WHERE datname = %s AND pid <> %s AND backend_type = 'client backend'"
    )
    own = connection.connection.info.backend_pid
    with psycopg.connect(**elsewhere, autocommit=True) as administrator:
        administrator.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
        try:
            administrator.execute(end, [name, own])
            yield
        finally:
            administrator.execute(f"ALTER DATABASE {database} RESET default_transaction_read_only")
            administrator.execute(end, [name, own])


def test_reads_work_and_changes_are_503(server: Server, http: Http, clip: Clip) -> None:
    token = bearer(editor())
    clips, path = "/api/v1/clips", f"/api/v1/clips/{clip.pk}"
    changes: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", clips, {"json": NEW}),
        ("POST", clips, {"json": NEW, "headers": {"Idempotency-Key": "a"}}),
        ("POST", f"{clips}/bulk", {"json": [NEW], "headers": token}),
        ("PATCH", path, {"json": {"title": "Other"}, "headers": token}),
        ("DELETE", path, {"headers": token}),
    ]
    session = long_unused_session()
    with read_only():
        with_token = http("GET", path, headers=token)
        assert with_token.status_code == 200
        page = requests.get(f"{server.url}/admin/library/clip/", cookies=session, timeout=30)
        assert page.status_code == 200
        for read in (clips, path, f"{path}/stats", "/api/v1/stats", "/", "/docs", "/admin/login/"):
            assert http("GET", read).status_code == 200, read
        assert http("HEAD", f"{path}/stream").status_code == 200
        for method, at, options in changes:
            response = http(method, at, **options)
            found = (response.status_code, response.json()["code"])
            assert found == (503, "database_read_only"), (method, at)
            assert int(response.headers["Retry-After"]) > 0
        play = http("GET", f"{path}/stream")
        assert (play.status_code, play.json()["code"]) == (503, "play_not_recorded")
        assert int(play.headers["Retry-After"]) > 0
        assert_log_in_is_503(http)
        ready = http("GET", "/readyz")
        assert (ready.status_code, ready.json()["problems"]) == (503, [PROBLEM])
        assert ready.json()["checks"]["writes"] == PROBLEM
    until(lambda: http("GET", "/readyz").status_code == 200)
    until(lambda: http("GET", f"{path}/stream").status_code == 200)
    assert http("PATCH", path, json={"title": "Other"}, headers=token).status_code == 200
    log = server.log.read_text()
    assert "Traceback" not in log[log.rindex("read-only") - 5000 :]


def long_unused_session() -> dict[str, str]:
    """Return the cookie of a session whose next use prolongs it."""
    client = Client()
    client.force_login(chief())
    Session.objects.update(expire_date=timezone.now() + timedelta(minutes=30))
    return {"sessionid": client.cookies["sessionid"].value}


def assert_log_in_is_503(http: Http) -> None:
    with requests.Session() as browser:
        page = browser.get(http("GET", "/admin/login/").url, timeout=30)
        form = {"username": "editor", "password": "editor"}
        form["csrfmiddlewaretoken"] = browser.cookies["csrftoken"]
        answer = browser.post(page.url, form, timeout=30, allow_redirects=False)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "The database accepts no changes at present." in answer.text


@pytest.mark.parametrize("ignored", [["writes"], []])
def test_operator_may_keep_instances_ready(
    transactional_db: None, client: Any, settings: Any, ignored: list[str]
) -> None:
    settings.CLIPS_READY_IGNORE = ignored
    settings.CLIPS_READY_DISK_FREE_BYTES = 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    with read_only():
        response = client.get("/readyz")
    assert response.status_code == (200 if ignored else 503)
    assert response.json()["problems"] == [PROBLEM]
