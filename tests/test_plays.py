"""What counts as a play, and that each is recorded once, before its audio."""

import os
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import requests
from django.db import connection

from library.models import Clip, PlayEvent
from tests.server import Server

AUDIO_BEGINS = b"\r\n\r\n\xff"  # after the header, the sync word of the sample's first frame
Ask = Callable[..., requests.Response]


def plays_of(clip: Clip) -> int:
    """The clip's plays, after making sure that the counter and the events agree."""
    clip.refresh_from_db()
    assert clip.play_count == PlayEvent.objects.filter(clip=clip).count()
    return clip.play_count


def hears_audio(listener: socket.socket) -> bool:
    """Whether the answer's first byte of audio comes."""
    received = b""
    with suppress(ConnectionResetError):
        while data := listener.recv(512):
            received += data
            if AUDIO_BEGINS in received:
                return True
    return False


def stream(clip: Clip) -> str:
    return f"/api/v1/clips/{clip.pk}/stream"


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-"}, {"Range": "bytes=0-2"}])
def test_audio_from_the_first_byte_on_is_a_play(
    http: Ask, clip: Clip, headers: dict[str, str]
) -> None:
    http("GET", stream(clip), headers=headers)
    assert plays_of(clip) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=0-1"},
        {"Range": "bytes=0-0"},
        {"Range": "bytes=1-"},
        {"Range": "bytes=-10"},
        {"Range": "bytes=99999999-"},
        {"If-None-Match": "*"},
        {"If-Match": '"other"'},
        {"Sec-Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
    ],
)
def test_anything_else_is_no_play(http: Ask, clip: Clip, headers: dict[str, str]) -> None:
    http("GET", stream(clip), headers=headers)
    assert plays_of(clip) == 0


def test_range_that_is_answered_whole_is_a_play(http: Ask, clip: Clip) -> None:
    http("GET", stream(clip), headers={"Range": "bytes=5-2"})
    assert plays_of(clip) == 1


def test_head_is_no_play(http: Ask, clip: Clip) -> None:
    http("HEAD", stream(clip))
    assert plays_of(clip) == 0


def test_each_plain_get_is_a_play(http: Ask, clip: Clip) -> None:
    for _ in range(3):
        http("GET", stream(clip))
    assert plays_of(clip) == 3


def test_fifty_parallel_plays_make_fifty(server: Server, clip: Clip, mp3: bytes) -> None:
    url = server.url + stream(clip)
    with ThreadPoolExecutor(50) as pool:
        bodies = list(pool.map(lambda _: requests.get(url, timeout=30).content, range(50)))
    assert bodies == [mp3] * 50
    assert plays_of(clip) == 50


def test_play_is_committed_before_the_first_byte_of_audio(server: Server, clip: Clip) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as listener:
        listener.sendall(f"GET {stream(clip)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert hears_audio(listener)
        assert plays_of(clip) == 1


def test_play_that_cannot_be_recorded_sends_no_audio(http: Ask, clip: Clip) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE library_playevent ADD CONSTRAINT no_more CHECK (false)")
    try:
        response = http("GET", stream(clip))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE library_playevent DROP CONSTRAINT no_more")
    assert (response.status_code, response.json()["code"]) == (503, "play_not_recorded")
    assert int(response.headers["Retry-After"]) > 0
    assert plays_of(clip) == 0


def test_killed_worker_loses_and_invents_no_play(
    start_server: Callable[..., Server], clip: Clip
) -> None:
    """Every stream whose first audio byte came is counted, and the counter equals the events."""
    server = start_server()
    listeners = []
    for _ in range(12):
        listener = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.sendall(f"GET {stream(clip)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        listeners.append(listener)
    heard = 0
    for number, listener in enumerate(listeners):
        if number == 6:
            for worker in server.workers():
                os.kill(worker, signal.SIGKILL)
        with listener:
            heard += hears_audio(listener)
    assert heard >= 6
    assert heard <= plays_of(clip) <= 12


def test_change_of_a_clip_keeps_the_plays_recorded_meanwhile(http: Ask, clip: Clip) -> None:
    editor_has_open = Clip.objects.get(pk=clip.pk)
    http("GET", stream(clip))
    editor_has_open.title = "Renamed"
    editor_has_open.save()
    assert plays_of(clip) == 1
    assert clip.title == "Renamed"


def test_streams_hold_no_connection_to_the_database(
    start_server: Callable[..., Server], clip: Clip
) -> None:
    server = start_server(POSTGRES_POOL_SIZE="1", WEB_CONCURRENCY="1")
    listeners = []
    for _ in range(20):
        listener = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.sendall(f"GET {stream(clip)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert b"200 OK" in listener.recv(100)
        listeners.append(listener)
    assert requests.get(f"{server.url}/api/v1/clips", timeout=10).json()[0]["play_count"] == 20
    for listener in listeners:
        listener.close()


def test_api_answers_while_every_place_for_streams_is_taken(
    start_server: Callable[..., Server], clip: Clip, big_clip: Clip
) -> None:
    server = start_server(WEB_CONCURRENCY="1", WEB_THREADS="8", CLIPS_MAX_STREAMS="4")
    listeners = []
    for _ in range(4):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.settimeout(20)
        listener.connect(("127.0.0.1", server.port))
        listener.sendall(f"GET {stream(big_clip)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert b"200 OK" in listener.recv(100)
        listeners.append(listener)
    refused = requests.get(server.url + stream(clip), timeout=10)
    assert (refused.status_code, refused.json()["code"]) == (503, "no_capacity")
    assert int(refused.headers["Retry-After"]) > 0
    assert requests.get(f"{server.url}/livez", timeout=10).status_code == 200
    assert plays_of(clip) == 0
    assert server.stop() == 0  # Ctrl-C does not wait for slow listeners
    for listener in listeners:
        listener.close()
