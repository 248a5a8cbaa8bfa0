"""Dead processes, truncated downloads and a stalled database, as clients see them."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event

import pytest
import requests
from django.db import connection, transaction

from harness.origin import Origin, answer, in_two_parts
from harness.service import Server
from harness.waiting import until
from library.models import Clip
from tests.support.gate import Gate
from tests.support.strace import needs_strace, traced

MakeClip = Callable[..., Clip]


def curl(url: str, *options: str) -> tuple[int, int]:
    """Fetch a URL with curl; return its exit status and the size of the body."""
    done = subprocess.run(
        ["curl", "--silent", "--max-time", "20", "--noproxy", "*", *options, url],
        capture_output=True,
        check=False,
    )
    return done.returncode, len(done.stdout)


@pytest.mark.parametrize("version", ["--http1.1", "--http1.0"])
def test_truncated_download_is_an_error_for_curl(
    server: Server, make_clip: MakeClip, origin: Origin, mp3: bytes, version: str
) -> None:
    go_on = Event()
    clip = make_clip(audio_url=origin.on("/a", in_two_parts(mp3, 50_000, go_on, whole=False)))
    url = f"{server.url}/api/v1/clips/{clip.pk}/stream"
    with requests.get(url, stream=True, timeout=20), ThreadPoolExecutor() as pool:
        listening = pool.submit(curl, url, version)
        await_two_streams(server)
        go_on.set()
        status, received = listening.result()
    assert status in (18, 56)
    assert received < len(mp3)


def await_two_streams(server: Server) -> None:
    """Wait until two streams are in progress."""
    for _ in range(400):
        shown = requests.get(f"{server.url}/metrics", timeout=10).text
        if "clips_streams_in_progress 2.0" in shown:
            return
    raise AssertionError("two streams should be in progress")


def workers_that_download(server: Server) -> set[int]:
    """Find the workers that hold the lock of a growing file."""
    found = set()
    for worker in server.workers():
        for descriptor in Path(f"/proc/{worker}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed since it was listed
                if os.readlink(descriptor).endswith(".part"):
                    locks = Path(f"/proc/{worker}/fdinfo/{descriptor.name}").read_text()
                    if re.search("lock:.*FLOCK.*WRITE", locks):
                        found.add(worker)
    return found


def test_killed_download_breaks_its_streams_and_the_next_request_succeeds(
    start_server: Callable[..., Server], make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    server, go_on = start_server(WEB_CONCURRENCY="3"), Event()
    clip = make_clip(audio_url=origin.on("/a", in_two_parts(mp3, 50_000, go_on)))
    request = f"GET /api/v1/clips/{clip.pk}/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    listeners = []
    for _ in range(12):
        listener = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        listener.sendall(request)
        assert b"200 OK" in listener.recv(4096)
        listeners.append(listener)
    until(lambda: len(workers_that_download(server)) == 1)
    os.kill(workers_that_download(server).pop(), signal.SIGKILL)
    for listener in listeners:
        assert received_until_closed(listener) < len(mp3)
    go_on.set()
    origin.on("/a", answer(mp3))
    again = requests.get(f"{server.url}/api/v1/clips/{clip.pk}/stream", timeout=20)
    assert again.content == mp3
    clip.refresh_from_db()
    assert clip.play_count == clip.play_events.count() == 13


def received_until_closed(listener: socket.socket) -> int:
    """Count the bytes until the server closes the connection. A time-out fails the test."""
    received = 0
    with listener:
        try:
            while data := listener.recv(65536):
                received += len(data)
        except ConnectionResetError:
            pass
    return received


@needs_strace
def test_complete_files_are_sent_by_sendfile(
    start_server: Callable[..., Server], clip: Clip, mp3: bytes, tmp_path: Path
) -> None:
    server = start_server(WEB_CONCURRENCY="1")  # one worker to trace
    url = f"{server.url}/api/v1/clips/{clip.pk}/stream"
    with traced(server.workers(), "sendfile", tmp_path) as calls:
        assert curl(url)[0] == 0
        until(lambda: f"=> [{len(mp3)}]" in calls())
        assert curl(url, "--range", "1000-200999")[0] == 0
        until(lambda: "=> [201000]" in calls())


def test_metrics_count_store_requests_and_streams(
    start_server: Callable[..., Server], make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    server = start_server()
    good = make_clip(audio_url=origin.on("/a", answer(mp3)))
    bad = make_clip(audio_url=origin.url("/nothing"))
    for clip in (good, good, bad):
        requests.get(f"{server.url}/api/v1/clips/{clip.pk}/stream", timeout=20)
    shown = requests.get(f"{server.url}/metrics", timeout=20).text
    for result, count in (("miss", 1), ("hit", 1), ("error", 1), ("stale", 0)):
        assert f'clips_audio_store_requests_total{{result="{result}"}} {count}.0' in shown
    assert 'clips_origin_request_duration_seconds_count{result="origin_http_error"} 1.0' in shown
    assert 'clips_streams_finished_total{outcome="completed"} 2.0' in shown
    assert f"clips_stream_bytes_total {2 * len(mp3)}.0" in shown
    assert "clips_streams_in_progress 0.0" in shown
    assert server.metrics()["clips_audio_store_bytes"] >= len(mp3)


def test_database_that_accepts_no_connection_is_503(
    start_server: Callable[..., Server], clip: Clip
) -> None:
    gate = Gate()
    gate.open()
    server = start_server(POSTGRES_SERVER="127.0.0.1", POSTGRES_PORT=str(gate.parameters["port"]))
    url = f"{server.url}/api/v1/clips/{clip.pk}"
    gate.shut()
    with ThreadPoolExecutor() as pool:
        pending = [pool.submit(requests.get, at, timeout=30) for at in (url, server.url)]
        refused, page = (response.result() for response in pending)
    gate.open()
    until(lambda: requests.get(url, timeout=30).status_code == 200)
    gate.close()
    assert [refused.status_code, page.status_code] == [503, 503]
    assert refused.json()["code"] == "database_unavailable"
    assert page.headers["Content-Type"].startswith("text/html")
    assert int(refused.headers["Retry-After"]) == int(page.headers["Retry-After"]) > 0


def test_first_request_after_broken_connections_succeeds(
    start_server: Callable[..., Server], clip: Clip
) -> None:
    server = start_server(WEB_CONCURRENCY="1", WEB_THREADS="8")  # four of them for the API
    url = f"{server.url}/api/v1/clips/{clip.pk}/stats"
    with ThreadPoolExecutor() as pool, connection.cursor() as cursor:
        with transaction.atomic():
            cursor.execute("LOCK TABLE library_clip IN ACCESS EXCLUSIVE MODE")
            pending = [pool.submit(requests.get, url, timeout=30) for _ in range(4)]
            waiting = 0
            while waiting < len(pending):  # each has a connection
                cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
                (waiting,) = cursor.fetchone()
        assert [response.result().status_code for response in pending] == [200] * 4
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"  # and wait for its end
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert requests.get(url, timeout=30).status_code == 200


def test_clients_that_keep_connections_open_do_not_delay_others(
    start_server: Callable[..., Server],
) -> None:
    """gunicorn waits up to two seconds for each, in the thread that accepts all connections."""
    server = start_server(WEB_CONCURRENCY="1")
    request = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with ExitStack() as open_clients:
        clients = []
        for _ in range(40):
            client = socket.create_connection(("127.0.0.1", server.port), timeout=20)
            clients.append(open_clients.enter_context(client))
            client.sendall(request)
        for client in reversed(clients):
            with client.makefile("rb") as response:
                assert b"alive" in response.read()
