"""Connections: slow clients hold no thread, and HTTP works as clients expect it."""

import json
import os
import re
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import connection, transaction
from django.test import Client

from harness.service import Server
from harness.waiting import until
from library.models import Clip
from tests.support.listeners import slow_listener

MakeClip = Callable[..., Clip]
THREADS = 2
CLIPS = "/api/v1/clips"
BODY = json.dumps(
    {"title": "T", "genre": "g", "duration": 3.5, "audio_url": "https://example.com/a.mp3"}
).encode()


@pytest.fixture
def small(start_server: Callable[..., Server]) -> Server:
    """A service of one process with few threads."""
    return start_server(WEB_CONCURRENCY="1", WEB_THREADS=str(THREADS))


@pytest.fixture
def connect() -> Iterator[Callable[..., socket.socket]]:
    """Connect to a service, and disconnect at the end of the test."""
    with ExitStack() as connections:

        def connect(server: Server, *, buffer: int | None = None) -> socket.socket:
            client = connections.enter_context(socket.socket())
            if buffer is not None:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            client.settimeout(20)
            client.connect(("127.0.0.1", server.port))
            return client

        yield connect


def threads(server: Server) -> int:
    """Return the number of threads of the only worker."""
    (worker,) = server.workers()
    return len(list(Path(f"/proc/{worker}/task").iterdir()))


def response(client: socket.socket) -> tuple[bytes, bytes]:
    """Return head and body of a response that ends with the connection."""
    with client.makefile("rb") as received:
        head, _, body = received.read().partition(b"\r\n\r\n")
    return head, body


def post(length: int = len(BODY), *more: str) -> bytes:
    """Return the head of a POST of a clip."""
    lines = (
        "POST /api/v1/clips HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        "Connection: close",
        *more,
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def test_slow_senders_hold_no_thread(small: Server, connect: Callable[..., socket.socket]) -> None:
    senders = [connect(small) for _ in range(THREADS * 5)]
    for sender in senders:
        sender.sendall(post() + BODY[:20])
    answer = requests.post(f"{small.url}/api/v1/clips", json=json.loads(BODY), timeout=20)
    assert answer.status_code == 201
    for sender in senders:
        sender.sendall(BODY[20:])
        assert response(sender)[0].startswith(b"HTTP/1.1 201")
    assert Clip.objects.count() == len(senders) + 1


def test_slow_readers_hold_no_thread(
    small: Server, connect: Callable[..., socket.socket], make_clip: MakeClip
) -> None:
    make_clip(description="x" * 5000)
    clip = Clip.objects.get()
    for _ in range(999):
        clip.pk = None
        clip._state.adding = True
        clip.save()
    readers = [connect(small, buffer=4096) for _ in range(THREADS * 5)]
    for reader in readers:
        reader.sendall(b"GET /api/v1/clips?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert reader.recv(100).startswith(b"HTTP/1.1 200")
    assert requests.get(f"{small.url}/api/v1/clips/{clip.pk}", timeout=20).status_code == 200


def test_listeners_hold_no_thread(
    small: Server, connect: Callable[..., socket.socket], big_clip: Clip
) -> None:
    request = f"GET /api/v1/clips/{big_clip.pk}/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    first = connect(small, buffer=4096)
    first.sendall(request)
    assert first.recv(100).startswith(b"HTTP/1.1 200")
    before = threads(small)
    for _ in range(100):
        listener = connect(small, buffer=4096)
        listener.sendall(request)
        assert listener.recv(100).startswith(b"HTTP/1.1 200")
    assert threads(small) < before + 10
    assert small.metrics()["clips_streams_in_progress"] == 101


def test_listener_that_takes_nothing_is_disconnected(
    start_server: Callable[..., Server], connect: Callable[..., socket.socket], big_clip: Clip
) -> None:
    server = start_server(WEB_CONCURRENCY="1", CLIPS_STALL_TIMEOUT="1")
    listener = connect(server, buffer=4096)
    listener.sendall(
        f"GET /api/v1/clips/{big_clip.pk}/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    )
    until(lambda: server.metrics()["clips_streams_in_progress"] == 1)
    until(lambda: server.metrics()["clips_streams_in_progress"] == 0)
    finished = 'clips_streams_finished_total{outcome="client_closed"}'
    assert server.metrics()[finished] == 1
    assert '"level":"error"' not in server.log.read_text()


def test_client_that_ends_its_side_gets_its_response(
    small: Server, connect: Callable[..., socket.socket]
) -> None:
    client = connect(small)
    client.sendall(post().replace(b"Connection: close\r\n", b"") + BODY)
    client.shutdown(socket.SHUT_WR)
    head, body = response(client)
    assert head.startswith(b"HTTP/1.1 201")
    assert json.loads(body)["title"] == "T"


def test_client_that_ends_its_side_gets_all_pipelined_responses(
    small: Server, connect: Callable[..., socket.socket], clip: Clip
) -> None:
    client = connect(small)
    client.sendall(f"GET {CLIPS}/{clip.pk} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 3)
    client.shutdown(socket.SHUT_WR)
    with client.makefile("rb") as received:
        assert received.read().count(b"HTTP/1.1 200 OK") == 3


def test_stream_in_absolute_form_or_with_a_body_is_a_stream(
    small: Server, connect: Callable[..., socket.socket], clip: Clip, mp3: bytes
) -> None:
    path = f"{CLIPS}/{clip.pk}/stream"
    for target, more, content in (
        (f"http://user:secret@localhost{path}?download=1", "", b""),
        (path, "Content-Length: 4\r\n", b"body"),
    ):
        client = connect(small)
        head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n{more}Connection: close\r\n\r\n"
        client.sendall(head.encode() + content)
        assert response(client)[1] == mp3
    log = small.log.read_text()
    assert log.count(f'"path":"{path}","status":200,"route":"clip-stream"') == 2
    assert "secret" not in log


@pytest.mark.parametrize(
    ("value", "status", "length"), [("bytes=1-9", 206, 9), ("bytes=99999-", 416, 0)]
)
def test_range_of_a_static_file(small: Server, value: str, status: int, length: int) -> None:
    url = f"{small.url}{staticfiles_storage.url('library/icon.svg')}"
    plain = {"Accept-Encoding": "identity"}
    whole = requests.get(url, headers=plain, timeout=20).content
    part = requests.get(url, headers={"Range": value, **plain}, timeout=20)
    assert (part.status_code, len(part.content)) == (status, length)
    assert part.content == whole[1 : 1 + length]
    assert requests.head(url, headers=plain, timeout=20).headers["Content-Length"] == str(
        len(whole)
    )


def test_graceful_stop_breaks_off_slow_listeners_and_records_it(
    start_server: Callable[..., Server], big_clip: Clip
) -> None:
    server = start_server(GUNICORN_CMD_ARGS="--graceful-timeout 2")
    with slow_listener(server, big_clip):
        server.terminate()
        assert server.wait() == 0
    log = server.log.read_text()
    assert "SIGKILL" not in log
    assert '"outcome":"error"' in log
    event = big_clip.play_events.get()
    assert event.completed is False


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGHUP])
def test_graceful_stop_receives_bodies_that_have_begun(
    small: Server, connect: Callable[..., socket.socket], stop: signal.Signals
) -> None:
    head = f"POST {CLIPS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    client, idle = connect(small), connect(small)
    client.sendall(f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY[:9])
    idle.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert idle.recv(999).startswith(b"HTTP/1.1 200")
    os.kill(small.pid, stop)
    assert idle.recv(999) == b""  # the worker is stopping
    client.sendall(BODY[9:])
    assert response(client)[0].startswith(b"HTTP/1.1 201")


def test_client_may_await_100_continue(
    small: Server, connect: Callable[..., socket.socket]
) -> None:
    client = connect(small)
    client.sendall(post(len(BODY), "Expect: 100-continue"))
    assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(BODY)
    assert response(client)[0].startswith(b"HTTP/1.1 201")


def test_pipelined_requests_are_answered_in_order(
    small: Server, connect: Callable[..., socket.socket], clip: Clip
) -> None:
    client = connect(small)
    paths = ("/api/v1/clips", "/nowhere", f"/api/v1/clips/{clip.pk}/stream", "/livez")
    requests_ = [f"GET {path} HTTP/1.1\r\nHost: localhost\r\n" for path in paths]
    client.sendall(("\r\n".join(requests_) + "Connection: close\r\n\r\n").encode())
    with client.makefile("rb") as received:
        answers = received.read()
    assert [answers[i + 9 : i + 12] for i in find_all(answers, b"HTTP/1.1 ")] == [
        *(b"200", b"404", b"200", b"200")
    ]


@pytest.mark.parametrize(
    ("invalid", "status"),
    [
        (b"GARBAGE\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"a" * 20_000 + b"\r\n\r\n", b"431"),
    ],
)
def test_requests_before_an_invalid_one_are_answered(
    server: Server, connect: Callable[..., socket.socket], invalid: bytes, status: bytes
) -> None:
    client = connect(server)
    get = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    create = post().replace(b"Connection: close\r\n", b"")
    client.sendall(get + create + BODY + get + invalid)
    with client.makefile("rb") as received:
        statuses = re.findall(rb"HTTP/1\.1 (\d{3}) ", received.read())
    assert statuses == [b"200", b"201", b"200", status]


def test_large_bodies_arrive_whole(server: Server, connect: Callable[..., socket.socket]) -> None:
    body = b'{"title": "' + b"a" * 1_900_000 + b'"}'
    create = post(len(body)).replace(b"Connection: close\r\n", b"")
    client = connect(server)
    for _ in range(5):
        client.sendall(create + body)
        assert client.recv(9999).startswith(b"HTTP/1.1 400")


def test_bytes_after_the_last_request_are_ignored(
    server: Server, connect: Callable[..., socket.socket]
) -> None:
    client = connect(server)
    get = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    client.sendall(get + b"GARBAGE\r\n\r\n" * 3)
    with client.makefile("rb") as received:
        answers = received.read()
    assert answers.count(b"HTTP/1.1 ") == 1
    assert answers.startswith(b"HTTP/1.1 200")


def find_all(text: bytes, part: bytes) -> list[int]:
    """Return the positions of a part."""
    found, at = [], text.find(part)
    while at >= 0:
        found.append(at)
        at = text.find(part, at + 1)
    return found


@pytest.mark.parametrize(("version", "chunked"), [("1.1", True), ("1.0", False)])
def test_response_of_unknown_length_is_sent_in_chunks_or_ends_with_the_connection(
    server: Server,
    connect: Callable[..., socket.socket],
    clip: Clip,
    admin_client: Client,
    version: str,
    chunked: bool,
) -> None:
    token = "a" * 32
    form = f"csrfmiddlewaretoken={token}&format=csv"
    session = admin_client.cookies["sessionid"].value
    client = connect(server)
    client.sendall(
        f"POST /admin/library/clip/export/ HTTP/{version}\r\nHost: localhost\r\n"
        f"Cookie: sessionid={session}; csrftoken={token}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(form)}\r\nConnection: close\r\n\r\n{form}".encode()
    )
    head, body = response(client)
    assert (b"Transfer-Encoding: chunked" in head) is chunked
    assert b"Content-Length" not in head
    assert body.endswith(b"0\r\n\r\n") is chunked
    assert clip.title.encode() in body


def test_names_with_underscores_are_ignored(
    start_server: Callable[..., Server], clip: Clip
) -> None:
    """Django could not distinguish X_Forwarded_Proto from what a proxy sets."""
    server = start_server(CLIPS_TRUSTED_PROXIES="1", WEB_CONCURRENCY="1")
    for name, scheme in (("X-Forwarded-Proto", "https"), ("X_Forwarded_Proto", "http")):
        shown = requests.get(
            f"{server.url}/api/v1/clips/{clip.pk}", headers={name: "https"}, timeout=20
        ).json()
        assert shown["stream_url"].startswith(f"{scheme}://")


def test_forwarded_scheme_of_an_untrusted_client_is_ignored(server: Server, clip: Clip) -> None:
    shown = requests.get(
        f"{server.url}/api/v1/clips/{clip.pk}", headers={"X-Forwarded-Proto": "https"}, timeout=20
    ).json()
    assert shown["stream_url"].startswith("http://")


def test_health_checks_respond_while_every_thread_waits_for_postgresql(
    small: Server, connect: Callable[..., socket.socket]
) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE library_clip IN ACCESS EXCLUSIVE MODE")
        waiting = [connect(small) for _ in range(THREADS * 5)]
        for client in waiting:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        for path in ("/livez", "/readyz"):
            assert requests.get(small.url + path, timeout=20).status_code == 200
    for client in waiting:
        assert response(client)[0].startswith(b"HTTP/1.1 200")


def test_client_behind_a_proxy_has_a_limited_number_of_requests_in_progress(
    start_server: Callable[..., Server], connect: Callable[..., socket.socket], big_clip: Clip
) -> None:
    server = start_server(
        CLIPS_TRUSTED_PROXIES="1", CLIPS_CLIENT_CONNECTIONS="2", CLIPS_THROTTLE="on"
    )
    stream = f"/api/v1/clips/{big_clip.pk}/stream"

    def listen(address: str) -> bytes:
        listener = connect(server, buffer=4096)
        fields = f"Host: localhost\r\nX-Forwarded-For: {address}\r\n"
        listener.sendall(f"GET {stream} HTTP/1.1\r\n{fields}\r\n".encode())
        return listener.recv(100)[9:12]

    addresses = ("2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1")
    assert [listen(address) for address in addresses] == [b"200", b"200", b"429", b"200"]
    refused = requests.get(
        server.url + stream, headers={"X-Forwarded-For": "2001:db8::4"}, timeout=20
    )
    assert refused.json()["code"] == "too_many_connections"
    assert int(refused.headers["Retry-After"]) > 0
    responses = "django_http_responses_total_by_status_view_method_total"
    assert server.metrics()[f'{responses}{{method="GET",status="429",view="clip-stream"}}'] == 2
    health = requests.get(
        f"{server.url}/livez", headers={"X-Forwarded-For": "2001:db8::4"}, timeout=20
    )
    assert health.status_code == 200


def test_waiting_connections_give_way_at_the_limit_of_descriptors(
    start_server: Callable[..., Server], connect: Callable[..., socket.socket]
) -> None:
    server = start_server(WEB_CONCURRENCY="1")
    (worker,) = server.workers()
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (200, 200))
    silent, slow = [], []
    for _ in range(200):
        silent.append(connect(server))
        slow.append(connect(server))
        slow[-1].sendall(b"GET /livez HT")
        assert requests.get(f"{server.url}/livez", timeout=20).status_code == 200
    assert silent[0].recv(1) == b""
    assert response(slow[0])[0].startswith(b"HTTP/1.1 408")
    assert '"level":"error"' not in server.log.read_text()
    assert "was accepted" not in server.log.read_text()


def test_shortage_of_descriptors_does_not_end_the_service(
    start_server: Callable[..., Server],
) -> None:
    server = start_server(WEB_CONCURRENCY="1")
    (worker,) = server.workers()
    soft, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    used = len(list(Path(f"/proc/{server.pid}/fd").iterdir()))
    for limit in (used, used + 1, used + 2, used + 4):  # the master, or a worker as it starts
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (limit, hard))
        lines_before = server.log.read_text().count("Raise the limits")
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        until(lambda: server.log.read_text().count("Raise the limits") > lines_before)  # noqa: B023
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (soft, hard))
    until(lambda: server.workers() not in ([], [worker]))
    assert requests.get(f"{server.url}/livez", timeout=20).status_code == 200
