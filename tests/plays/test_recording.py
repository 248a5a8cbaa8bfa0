"""Recording a play: once, before its audio is sent. If recording fails, no audio is sent."""

import os
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import requests
from django.db import connection

from harness.service import Server
from library.models import Clip
from tests.support.database import await_blocked_transaction, locked
from tests.support.listeners import slow_listener
from tests.support.plays import plays_of, stream

AUDIO_BEGINS = b"\r\n\r\n\xff"  # the end of the header, and the sync word of the first MP3 frame
Http = Callable[..., requests.Response]


def hears_audio(listener: socket.socket) -> bool:
    """Return whether the first byte of audio arrives."""
    received = b""
    with suppress(ConnectionResetError):
        while data := listener.recv(512):
            received += data
            if AUDIO_BEGINS in received:
                return True
    return False


def test_fifty_concurrent_plays_count_fifty(server: Server, clip: Clip, mp3: bytes) -> None:
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


def test_stream_whose_play_cannot_be_recorded_sends_no_audio(http: Http, clip: Clip) -> None:
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


def test_only_the_streams_of_a_locked_clip_are_refused(
    server: Server, make_clip: Callable[..., Clip]
) -> None:
    clips = [make_clip() for _ in range(3)]
    urls = [server.url + stream(clip) for clip in clips * 10]
    with locked(clips[1]), ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda url: requests.get(url, timeout=30), urls))
    assert [answer.status_code for answer in answers] == [200, 503, 200] * 10
    assert answers[1].json()["code"] == "play_not_recorded"
    assert int(answers[1].headers["Retry-After"]) > 0
    assert [plays_of(clip) for clip in clips] == [10, 0, 10]


def test_play_waits_for_a_clip_that_is_locked_briefly(server: Server, clip: Clip) -> None:
    urls = [server.url + stream(clip)] * 10
    with ThreadPoolExecutor(10) as pool:
        with locked(clip):
            answers = pool.map(lambda url: requests.get(url, timeout=30), urls)
            await_blocked_transaction()
        assert [answer.status_code for answer in answers] == [200] * 10
    assert plays_of(clip) == 10


def test_killed_worker_neither_loses_nor_invents_a_play(
    start_server: Callable[..., Server], clip: Clip
) -> None:
    """Each stream whose audio began is counted, and the counter equals the events."""
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


def test_saving_a_clip_keeps_the_plays_recorded_since_it_was_read(http: Http, clip: Clip) -> None:
    read_earlier = Clip.objects.get(pk=clip.pk)
    http("GET", stream(clip))
    read_earlier.title = "Renamed"
    read_earlier.save()
    assert plays_of(clip) == 1
    assert clip.title == "Renamed"


def test_streams_hold_no_database_connection(
    start_server: Callable[..., Server], clip: Clip
) -> None:
    server = start_server(POSTGRES_POOL_SIZE="1", WEB_CONCURRENCY="1")
    with ExitStack() as listeners:
        for _ in range(20):
            listeners.enter_context(slow_listener(server, clip))
        assert requests.get(f"{server.url}/api/v1/clips", timeout=10).json()[0]["play_count"] == 20


def test_api_answers_while_the_maximum_of_streams_is_running(
    start_server: Callable[..., Server], clip: Clip, big_clip: Clip
) -> None:
    server = start_server(WEB_CONCURRENCY="1", WEB_THREADS="8", CLIPS_MAX_STREAMS="4")
    with ExitStack() as listeners:
        for _ in range(4):
            listeners.enter_context(slow_listener(server, big_clip))
        refused = requests.get(server.url + stream(clip), timeout=10)
        assert (refused.status_code, refused.json()["code"]) == (503, "no_capacity")
        assert int(refused.headers["Retry-After"]) > 0
        assert server.metrics()['clips_streams_refused_total{code="no_capacity"}'] == 1
        assert requests.get(f"{server.url}/livez", timeout=10).status_code == 200
        assert plays_of(clip) == 0
        assert server.stop() == 0  # Ctrl-C does not wait for slow listeners
