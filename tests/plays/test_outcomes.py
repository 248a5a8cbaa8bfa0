"""The outcome of a stream: stored shortly after it ends, without delaying any other play."""

from collections.abc import Callable

import requests
from django.db import connection

from harness.service import Server
from harness.waiting import until
from library.models import Clip, CompletionTally, PlayEvent
from tests.support.listeners import slow_listener
from tests.support.plays import plays_of, stream

Http = Callable[..., requests.Response]
StartServer = Callable[..., Server]
RANGED = {"Range": "bytes=0-", "User-Agent": "a player"}


def outcomes(clip: Clip) -> list[tuple[int | None, bool | None]]:
    """Return the bytes sent and whether they were all, for each play in order."""
    events = PlayEvent.objects.filter(clip=clip).order_by("id")
    return list(events.values_list("bytes_sent", "completed"))


def await_outcomes(clip: Clip, number: int) -> list[tuple[int | None, bool | None]]:
    """Return the outcomes once `number` of them are stored."""
    stored = PlayEvent.objects.filter(clip=clip, completed__isnull=False)
    until(lambda: stored.count() == number)
    return outcomes(clip)


def tally(clip: Clip) -> tuple[int, int, int]:
    """Return the number of ended streams, of completed ones, and the bytes of all."""
    return CompletionTally.objects.values_list("ended", "completed", "bytes_sent").get(clip=clip)


def leave_after_the_first_bytes(server: Server, clip: Clip) -> None:
    with slow_listener(server, clip):
        pass


def stop_gracefully(server: Server) -> None:
    server.terminate()
    assert server.wait() == 0


def test_play_sent_to_its_end_is_completed(http: Http, clip: Clip, mp3: bytes) -> None:
    http("GET", stream(clip))
    assert await_outcomes(clip, 1) == [(len(mp3), True)]


def test_first_part_of_a_ranged_play_does_not_complete_it(http: Http, clip: Clip) -> None:
    http("GET", stream(clip), headers={"Range": "bytes=0-65535"})
    assert await_outcomes(clip, 1) == [(65536, False)]


def test_play_of_a_listener_who_leaves_is_not_completed(
    server: Server, big_clip: Clip, mp3: bytes
) -> None:
    leave_after_the_first_bytes(server, big_clip)
    ((sent, completed),) = await_outcomes(big_clip, 1)
    assert completed is False
    assert sent is not None
    assert 0 < sent < 40 * len(mp3)


def test_tally_of_outcomes_is_the_sum_of_the_events(
    http: Http, server: Server, big_clip: Clip
) -> None:
    for _ in range(2):
        leave_after_the_first_bytes(server, big_clip)
        http("GET", stream(big_clip))
    stored = await_outcomes(big_clip, 4)
    assert tally(big_clip) == (4, 2, sum(sent or 0 for sent, _ in stored))
    assert plays_of(big_clip) == 4


def test_graceful_stop_stores_pending_outcomes_but_none_of_repeated_requests(
    start_server: StartServer, clip: Clip, mp3: bytes
) -> None:
    server = start_server()
    url = server.url + stream(clip)
    requests.get(url, headers=RANGED, timeout=30)
    requests.get(url, headers=RANGED | {"Range": "bytes=0-99"}, timeout=30)
    requests.get(url, timeout=30)
    stop_gracefully(server)
    assert outcomes(clip) == [(len(mp3), True)] * 2
    assert tally(clip) == (2, 2, 2 * len(mp3))


def test_outcome_of_a_play_that_ends_during_the_graceful_stop_is_stored(
    start_server: StartServer, big_clip: Clip, mp3: bytes
) -> None:
    server = start_server(WEB_CONCURRENCY="1")
    with requests.get(server.url + stream(big_clip), stream=True, timeout=30) as response:
        server.terminate()
        assert len(response.content) == 40 * len(mp3)
    assert server.wait() == 0
    assert outcomes(big_clip) == [(40 * len(mp3), True)]


def test_outcomes_that_cannot_be_stored_are_dropped_and_plays_continue(
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
    assert await_outcomes(clip, 1) == [(None, None), (len(mp3), True)]
    assert plays_of(clip) == 2


def test_stream_sent_by_nginx_has_no_outcome(
    start_server: StartServer, clip: Clip, mp3: bytes
) -> None:
    server = start_server(CLIPS_ACCEL_LOCATION="/internal", WEB_CONCURRENCY="1")
    url = server.url + stream(clip)
    assert "X-Accel-Redirect" in requests.get(url, timeout=30).headers
    requests.get(url, headers={"If-None-Match": '"other"'}, timeout=30)  # Python sends this one
    assert await_outcomes(clip, 1) == [(None, None), (len(mp3), True)]
    metrics = server.metrics()
    expected = {"handed_over": 1, "completed": 1, "client_closed": 0, "error": 0}
    for outcome, count in expected.items():
        assert metrics[f'clips_streams_finished_total{{outcome="{outcome}"}}'] == count
    assert metrics["clips_stream_bytes_total"] == len(mp3)
