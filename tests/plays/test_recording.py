"""Each play is recorded once, before its audio, or there is no audio."""

import os
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import requests
from django.db import connection

from harness.service import Server
from library.models import Clip
from tests.support.database_locks import await_blocked_transaction, locked
from tests.support.plays import plays_of, stream

AUDIO_BEGINS = b"\r\n\r\n\xff"  # after the header, the sync word of the sample's first frame
Ask = Callable[..., requests.Response]


def hears_audio(listener: socket.socket) -> bool:
    """Whether the answer's first byte of audio comes."""
    received = b""
    with suppress(ConnectionResetError):
        while data := listener.recv(512):
            received += data
            if AUDIO_BEGINS in received:
                return True
    return False


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


def test_clip_that_somebody_holds_is_refused_but_no_other(
    server: Server, make_clip: Callable[..., Clip]
) -> None:
    clips = [make_clip() for _ in range(3)]
    asked = clips * 10
    urls = [server.url + stream(clip) for clip in asked]
    with locked(clips[1]), ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda url: requests.get(url, timeout=30), urls))
    assert [answer.status_code for answer in answers] == [200, 503, 200] * 10
    assert answers[1].json()["code"] == "play_not_recorded"
    assert int(answers[1].headers["Retry-After"]) > 0
    assert [plays_of(clip) for clip in clips] == [10, 0, 10]


def test_play_waits_for_a_clip_that_is_held_for_a_moment(server: Server, clip: Clip) -> None:
    urls = [server.url + stream(clip)] * 10
    with ThreadPoolExecutor(10) as pool:
        with locked(clip):
            answers = pool.map(lambda url: requests.get(url, timeout=30), urls)
            await_blocked_transaction()
        assert [answer.status_code for answer in answers] == [200] * 10
    assert plays_of(clip) == 10


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
    assert server.metrics()['clips_streams_refused_total{code="no_capacity"}'] == 1
    assert requests.get(f"{server.url}/livez", timeout=10).status_code == 200
    assert plays_of(clip) == 0
    assert server.stop() == 0  # Ctrl-C does not wait for slow listeners
    for listener in listeners:
        listener.close()
