"""A PostgreSQL that neither answers nor refuses: everything is a 503, soon, until it goes on."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from harness.installation import Installation
from harness.postgres import Postgres
from harness.service import Server
from harness.waiting import until

pytestmark = [pytest.mark.processes, pytest.mark.proof]
SET_UP = """
from django.contrib.auth.models import User
User.objects.create_superuser("chief", password="chief")
"""
NEW = {"title": "New", "genre": "jazz", "duration": 3, "audio_url": "https://example.com/a.mp3"}
CROWD = 60  # requests of a kind: one after another, in four threads, they would take over a minute
ATTEMPT = 30  # seconds that a client waits

Send = Callable[[], requests.Response]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with Postgres(tmp_path_factory.mktemp("postgres")) as postgres:
        yield postgres


@pytest.fixture(scope="module")
def server(
    postgres: Postgres, static_files: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    installation = Installation(
        tmp_path_factory.mktemp("frozen"),
        postgres=postgres,
        CLIPS_STATIC_ROOT=os.environ["CLIPS_STATIC_ROOT"],
        POSTGRES_DEADLINE="5",
        WEB_CONCURRENCY="1",
        CLIPS_ACCESS_LOG="on",
    )
    installation.manage("prepare", "--verbosity", "0")
    installation.run_python(SET_UP)
    with installation.start() as server:
        yield server


@pytest.fixture(scope="module")
def browser(server: Server) -> Iterator[requests.Session]:
    """A session of the back office."""
    with requests.Session() as session:
        assert log_in(server, session).status_code == 302
        yield session


def log_in(server: Server, session: requests.Session) -> requests.Response:
    address = f"{server.url}/admin/login/"
    if "csrftoken" not in session.cookies:
        session.get(address, timeout=ATTEMPT)
    form = {"username": "chief", "password": "chief"}
    form["csrfmiddlewaretoken"] = session.cookies["csrftoken"]
    return session.post(address, form, timeout=ATTEMPT, allow_redirects=False)


def every_call(server: Server, browser: requests.Session) -> dict[str, Send]:
    """Return a function for each kind of request."""

    def call(method: str, path: str, **options: Any) -> Send:
        return lambda: requests.request(method, server.url + path, timeout=ATTEMPT, **options)

    clips, clip = "/api/v1/clips", "/api/v1/clips/1"
    editor: dict[str, Any] = {
        "cookies": browser.cookies,
        "headers": {"X-CSRFToken": browser.cookies["csrftoken"]},
    }
    keyed: dict[str, Any] = {"headers": {"Idempotency-Key": "a"}}
    return {
        "list": call("GET", clips),
        "search": call("GET", f"{clips}?search=pi"),
        "clip": call("GET", clip),
        "clip statistics": call("GET", f"{clip}/stats"),
        "library statistics": call("GET", "/api/v1/stats"),
        "play": call("GET", f"{clip}/stream"),
        "seek": call("GET", f"{clip}/stream", headers={"Range": "bytes=1000-"}),
        "head": call("HEAD", f"{clip}/stream"),
        "add": call("POST", clips, json=NEW),
        "add once": call("POST", clips, json=NEW, **keyed),
        "add many": call("POST", f"{clips}/bulk", json=[NEW], **editor),
        "change": call("PATCH", clip, json={"title": "Other"}, **editor),
        "delete": call("DELETE", "/api/v1/clips/2", **editor),
        "list of the back office": call("GET", "/admin/library/clip/", **editor),
        "dashboard": call("GET", "/admin/", **editor),
        "listening page": call("GET", "/"),
        "readiness": call("GET", "/readyz"),
        "log-in": lambda: log_in(server, requests_session(browser)),
    }


def requests_session(browser: requests.Session) -> requests.Session:
    session = requests.Session()
    session.cookies.set("csrftoken", browser.cookies["csrftoken"])
    return session


def test_every_call_is_503_and_works_again_afterwards(
    postgres: Postgres, server: Server, browser: requests.Session
) -> None:
    calls = every_call(server, browser)
    before = server.metrics()["clips_streams_started_total"]
    with postgres.paused(), ThreadPoolExecutor(len(calls)) as pool:
        pending = {name: pool.submit(send) for name, send in calls.items()}
        answers = {name: answer.result() for name, answer in pending.items()}
        assert {name for name, answer in answers.items() if answer.status_code != 503} == set()
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers.values())
        assert requests.get(f"{server.url}/livez", timeout=ATTEMPT).status_code == 200
        assert server.metrics()["clips_database_up"] == 0
        assert server.metrics()["clips_streams_started_total"] == before
    del calls["delete"]  # it works once
    until(lambda: calls["list"]().status_code == 200)
    for name, send in calls.items():
        assert send().status_code < 400, name
    assert "Traceback" not in server.log.read_text()


def test_crowd_does_not_wait_one_after_another(
    postgres: Postgres, server: Server, browser: requests.Session
) -> None:
    calls = every_call(server, browser)
    send = [calls[name] for name in ("clip statistics", "add", "search", "dashboard")]
    with postgres.paused(), ThreadPoolExecutor(len(send) * CROWD) as pool:
        pending = [pool.submit(one) for one in send * CROWD]
        assert {answer.result().status_code for answer in pending} == {503}
    until(lambda: calls["list"]().status_code == 200)


def test_new_connections_to_a_frozen_server_are_given_up(
    postgres: Postgres, server: Server, browser: requests.Session
) -> None:
    calls = every_call(server, browser)
    (before,) = server.workers()
    with postgres.paused():
        os.kill(before, signal.SIGKILL)
        until(lambda: server.workers() not in ([], [before]))
        for name in ("list", "play", "add", "dashboard"):
            assert calls[name]().status_code == 503, name
    for name in ("list", "play", "add", "dashboard"):
        until(lambda name=name: calls[name]().status_code < 400)  # type: ignore[misc]


def test_plays_are_exact_afterwards(postgres: Postgres, server: Server) -> None:
    """A play that was answered with audio is counted; one answered with 503 may be."""
    stream = f"{server.url}/api/v1/clips/3/stream"

    def play() -> int:
        return requests.get(stream, timeout=ATTEMPT).status_code

    assert play() == 200
    with postgres.paused(), ThreadPoolExecutor(8) as pool:
        failed = [code.result() for code in [pool.submit(play) for _ in range(8)]]
    until(lambda: play() == 200)
    assert set(failed) == {503}
    with postgres.connect() as connected:
        counted = connected.execute(
            "SELECT play_count, (SELECT count(*) FROM library_playevent WHERE clip_id = 3),"
            " (SELECT sum(plays) FROM library_playtally WHERE clip_id = 3)"
            " FROM library_clip WHERE id = 3"
        ).fetchone()
    assert counted is not None
    assert len(set(counted)) == 1
    assert 2 <= counted[0] <= 2 + len(failed)
