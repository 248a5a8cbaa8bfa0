"""The metrics process answers Prometheus whatever the workers do, as long as the master lives."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from django.db import connection, transaction

from harness.service import Server, free_port
from harness.waiting import until
from library.models import Clip
from tests.support.database import await_blocked_transaction
from tests.support.listeners import slow_listener
from tests.support.metrics import answers, metrics_folder

IN_PROGRESS = "clips_streams_in_progress"


@pytest.fixture
def busy(start_server: Callable[..., Server], big_clip: Clip) -> Iterator[Server]:
    """A service with one stream in progress, and whose threads of Django wait for a lock."""
    server = start_server(
        WEB_CONCURRENCY="1",
        WEB_THREADS="4",  # two of them for pages
        CLIPS_MAX_STREAMS="1",
        CLIPS_METRICS_PORT=str(free_port()),
    )
    page = b"GET /admin/ HTTP/1.1\r\nHost: localhost\r\nCookie: sessionid=unknown1\r\n\r\n"
    with ExitStack() as held:
        held.enter_context(slow_listener(server, big_clip))
        held.enter_context(transaction.atomic())
        cursor = held.enter_context(connection.cursor())
        cursor.execute("LOCK TABLE django_session IN ACCESS EXCLUSIVE MODE")
        for _ in range(2):
            client = socket.create_connection(("127.0.0.1", server.port))
            held.enter_context(client).sendall(page)
        until(lambda: server.metrics().get(IN_PROGRESS) == 1)
        await_blocked_transaction(2)
        yield server


def fetch(server: Server, path: str, method: str = "GET") -> requests.Response:
    return requests.request(method, f"http://{server.metrics_address}{path}", timeout=30)


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_answers_while_every_thread_is_busy_and_restarts_after_a_kill(
    busy: Server,
) -> None:
    with pytest.raises(requests.Timeout):
        requests.get(f"{busy.url}/docs", timeout=0.5)
    for probe in ("livez", "readyz"):
        assert requests.get(f"{busy.url}/{probe}", timeout=30).ok
    metrics = busy.metrics()
    assert (metrics[IN_PROGRESS], metrics["clips_database_up"]) == (1, 1)
    killed = busy.metrics_process()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    until(lambda: busy.metrics_process() not in (killed, None))
    until(lambda: answers(busy.metrics_address))
    assert busy.metrics()[IN_PROGRESS] == 1
    assert_errors_are_json(busy)


def assert_errors_are_json(server: Server) -> None:
    for method, path, status, code in (
        *(("GET", "/", 404, "not_found"), ("HEAD", "/metrics/x", 404, "not_found")),
        *(("POST", "/metrics", 405, "method_not_allowed"), ("X", "/", 405, "method_not_allowed")),
    ):
        answer = fetch(server, path, method)
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/json")
        assert answer.content == b"" if method == "HEAD" else answer.json()["code"] == code
    head = fetch(server, "/metrics?a=b", "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["Content-Length"]) > 0


def test_taken_port_is_logged_and_used_once_its_owner_was_killed(
    start_server: Callable[..., Server], clip: Clip
) -> None:
    port = str(free_port())
    first = start_server(WEB_CONCURRENCY="1", CLIPS_METRICS_PORT=port)
    until(lambda: answers(first.metrics_address))
    owner = first.metrics_process()
    assert owner is not None
    second = start_server(WEB_CONCURRENCY="1", CLIPS_METRICS_PORT=port)
    until(lambda: "CLIPS_METRICS_PORT" in second.log.read_text())
    assert requests.get(f"{second.url}/metrics", timeout=30).ok
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: has_ended(owner))
    requests.get(f"{second.url}/api/v1/clips/{clip.pk}/stream", timeout=30)
    until(lambda: answers(second.metrics_address))
    assert second.metrics()["clips_streams_started_total"] == 1
    assert second.log.read_text().count("CLIPS_METRICS_PORT") == 1
    assert_nothing_is_left_after_stopping(second)


def assert_nothing_is_left_after_stopping(server: Server) -> None:
    process, folder = server.metrics_process(), metrics_folder(server)
    assert process is not None
    assert folder.is_dir()
    assert server.stop() == 0
    assert has_ended(process)
    assert not folder.exists()
