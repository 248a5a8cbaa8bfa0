"""How streams ended: noted a moment after, and in nobody's way."""

import socket
from collections.abc import Callable

import requests
from django.db import connection

from harness.service import Server
from harness.waiting import until
from library.models import Clip, CompletionTally, PlayEvent
from tests.support.plays import plays_of, stream

Ask = Callable[..., requests.Response]
StartServer = Callable[..., Server]
RANGED = {"Range": "bytes=0-", "User-Agent": "a player"}


def endings(clip: Clip) -> list[tuple[int | None, bool | None]]:
    """Bytes sent and whether that was all, of each play in turn."""
    events = PlayEvent.objects.filter(clip=clip).order_by("id")
    return list(events.values_list("bytes_sent", "completed"))


def await_endings(clip: Clip, number: int) -> list[tuple[int | None, bool | None]]:
    """The endings, once so many are noted."""
    noted = PlayEvent.objects.filter(clip=clip, completed__isnull=False)
    until(lambda: noted.count() == number)
    return endings(clip)


def tally(clip: Clip) -> tuple[int, int, int]:
    """Streams that ended, those of them that were completed, and their bytes."""
    return CompletionTally.objects.values_list("ended", "completed", "bytes_sent").get(clip=clip)


def leave_after_the_first_bytes(server: Server, clip: Clip) -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.settimeout(20)
        listener.connect(("127.0.0.1", server.port))
        listener.sendall(f"GET {stream(clip)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert b"200 OK" in listener.recv(100)


def stop_gracefully(server: Server) -> None:
    server.terminate()
    assert server.wait() == 0


def test_whole_play_is_noted_as_completed(http: Ask, clip: Clip, mp3: bytes) -> None:
    http("GET", stream(clip))
    assert await_endings(clip, 1) == [(len(mp3), True)]


def test_first_piece_of_a_play_in_pieces_does_not_complete_it(http: Ask, clip: Clip) -> None:
    http("GET", stream(clip), headers={"Range": "bytes=0-65535"})
    assert await_endings(clip, 1) == [(65536, False)]


def test_listener_who_leaves_has_not_completed(server: Server, big_clip: Clip, mp3: bytes) -> None:
    leave_after_the_first_bytes(server, big_clip)
    ((sent, completed),) = await_endings(big_clip, 1)
    assert completed is False
    assert sent is not None
    assert 0 < sent < 40 * len(mp3)


def test_tally_of_endings_is_the_sum_of_the_events(
    http: Ask, server: Server, big_clip: Clip
) -> None:
    for _ in range(2):
        leave_after_the_first_bytes(server, big_clip)
        http("GET", stream(big_clip))
    noted = await_endings(big_clip, 4)
    assert tally(big_clip) == (4, 2, sum(sent or 0 for sent, _ in noted))
    assert plays_of(big_clip) == 4


def test_graceful_stop_notes_what_waits_and_nothing_of_repeated_requests(
    start_server: StartServer, clip: Clip, mp3: bytes
) -> None:
    server = start_server()
    url = server.url + stream(clip)
    requests.get(url, headers=RANGED, timeout=30)
    requests.get(url, headers=RANGED | {"Range": "bytes=0-99"}, timeout=30)
    requests.get(url, timeout=30)
    stop_gracefully(server)
    assert endings(clip) == [(len(mp3), True)] * 2
    assert tally(clip) == (2, 2, 2 * len(mp3))


def test_play_that_ends_during_the_graceful_stop_is_noted(
    start_server: StartServer, big_clip: Clip, mp3: bytes
) -> None:
    server = start_server(WEB_CONCURRENCY="1")
    with requests.get(server.url + stream(big_clip), stream=True, timeout=30) as answer:
        server.terminate()
        assert len(answer.content) == 40 * len(mp3)
    assert server.wait() == 0
    assert endings(big_clip) == [(40 * len(mp3), True)]


def test_endings_that_cannot_be_noted_are_dropped_and_plays_go_on(
    start_server: StartServer, clip: Clip, mp3: bytes
) -> None:
    server = start_server(WEB_CONCURRENCY="1")
    url = server.url + stream(clip)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE library_completiontally RENAME TO away")
        try:
            assert requests.get(url, timeout=30).content == mp3
            until(lambda: "The outcomes of 1 streams were not recorded" in server.log.read_text())
        finally:
            cursor.execute("ALTER TABLE away RENAME TO library_completiontally")
    requests.get(url, timeout=30)
    assert await_endings(clip, 1) == [(None, None), (len(mp3), True)]
    assert plays_of(clip) == 2


def test_of_what_nginx_sends_no_ending_is_known(
    start_server: StartServer, clip: Clip, mp3: bytes
) -> None:
    server = start_server(CLIPS_ACCEL_LOCATION="/internal", WEB_CONCURRENCY="1")
    url = server.url + stream(clip)
    assert "X-Accel-Redirect" in requests.get(url, timeout=30).headers
    requests.get(url, headers={"If-None-Match": '"other"'}, timeout=30)  # Python sends this one
    assert await_endings(clip, 1) == [(None, None), (len(mp3), True)]
    told = server.metrics()
    outcomes = {"handed_over": 1, "completed": 1, "client_closed": 0, "error": 0}
    for outcome, count in outcomes.items():
        assert told[f'clips_streams_finished_total{{outcome="{outcome}"}}'] == count
    assert told["clips_stream_bytes_total"] == len(mp3)
