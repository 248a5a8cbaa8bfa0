"""Exact counts: with many threads, and when workers are killed, reloaded or recycled."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import requests

from harness.origin import Origin
from harness.service import Server
from harness.waiting import until
from library.audio.errors import CAUSES
from library.models import Clip
from tests.support.listeners import slow_listener
from tests.support.metrics import answers, metrics_folder
from tests.support.plays import stream

Fetch = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]
LISTENING = ("clips_streams_in_progress", "clips_http_requests_in_progress")
STARTED = "clips_streams_started_total"
COMPLETED = 'clips_streams_finished_total{outcome="completed"}'
BROKEN_OFF = 'clips_streams_finished_total{outcome="error"}'
BYTES = "clips_stream_bytes_total"
SHOWN = (
    'django_http_responses_total_by_status_view_method_total{method="GET",status="200",'
    'view="clip-detail"}'
)


def in_progress(server: Server) -> list[float]:
    metrics = server.metrics()
    return [metrics[name] for name in LISTENING]


def replace_workers(server: Server, number: signal.Signals) -> None:
    """Kill all workers, and return once as many others have started."""
    before = server.workers()
    for worker in before:
        os.kill(worker, number)
    until(lambda: len(set(server.workers()) - set(before)) == len(before))


def test_every_request_of_many_threads_is_counted(server: Server, clip: Clip, mp3: bytes) -> None:
    before = server.metrics()
    paths = [f"/api/v1/clips/{clip.pk}", stream(clip)] * 50
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda path: requests.get(server.url + path, timeout=30), paths))
    until(lambda: in_progress(server) == [0, 0])
    after = server.metrics()
    counted = [after[name] - before.get(name, 0) for name in (SHOWN, STARTED, COMPLETED, BYTES)]
    assert counted == [50, 50, 50, 50 * len(mp3)]
    until(lambda: server.metrics().get("clips_plays_recorded_total") == 50)


def test_killed_workers_leave_nothing_in_progress_and_their_streams_count_as_broken_off(
    server: Server, big_clip: Clip
) -> None:
    before = server.metrics()
    with ExitStack() as listeners:
        for _ in range(6):
            listeners.enter_context(slow_listener(server, big_clip))
        until(lambda: in_progress(server) == [6, 6])
        replace_workers(server, signal.SIGKILL)
        until(lambda: in_progress(server) == [0, 0])
    after = server.metrics()
    assert [after[name] - before[name] for name in (STARTED, BROKEN_OFF)] == [6, 6]
    requests.get(server.url + stream(big_clip), timeout=30)
    assert server.metrics()[STARTED] == before[STARTED] + 7


def test_reload_loses_no_count_and_lets_streams_finish(
    server: Server, clip: Clip, big_clip: Clip
) -> None:
    before = server.metrics()
    old = server.workers()
    with slow_listener(server, big_clip) as listener:
        os.kill(server.pid, signal.SIGHUP)
        until(lambda: len(set(server.workers()) - set(old)) == len(old))
        for _ in range(4):
            requests.get(server.url + stream(clip), timeout=30)
        while listener.recv(1 << 20):  # a stopping worker closes the connection when done
            pass
    until(lambda: not set(server.workers()) & set(old))
    until(lambda: answers(server.metrics_address))
    until(lambda: in_progress(server) == [0, 0])
    after = server.metrics()
    assert [after[name] - before[name] for name in (STARTED, COMPLETED)] == [5, 5]


def test_successive_workers_count_in_the_same_files(server: Server, clip: Clip) -> None:
    before = server.metrics()[STARTED]
    requests.get(server.url + stream(clip), timeout=30)
    files = len(os.listdir(metrics_folder(server)))
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGQUIT, signal.SIGKILL):
        replace_workers(server, number)
        requests.get(server.url + stream(clip), timeout=30)
    until(lambda: len(os.listdir(metrics_folder(server))) == files)
    assert server.metrics()[STARTED] == before + 5


def test_values_invented_by_clients_add_no_series(server: Server, http: Fetch, clip: Clip) -> None:
    def invent(number: int) -> None:
        http(f"INVENTED{number}", "/api/v1/clips")
        http("GET", f"/api/v{number}/nothing")
        http("GET", stream(clip).replace(str(clip.pk), str(10**9 + number)))
        http("GET", f"/api/v1/clips?field{number}=1")
        http("GET", "/api/v1/clips", headers={"Host": f"host{number}.example"})
        http("GET", "/livez", headers={"X-Forwarded-Proto": f"scheme{number}"})

    invent(0)
    names = set(server.metrics())
    for number in range(1, 30):
        invent(number)
    assert set(server.metrics()) == names


def test_failed_stream_is_counted_once_by_its_cause(
    server: Server, http: Fetch, make_clip: MakeClip, origin: Origin
) -> None:
    def refused() -> dict[str, float]:
        metrics = server.metrics()
        return {code: metrics[f'clips_streams_refused_total{{code="{code}"}}'] for code in causes}

    causes = [*CAUSES, "no_capacity", "play_not_recorded", "database_unavailable", "server_error"]
    gone = make_clip(audio_url=origin.url("/gone.mp3"))
    away = make_clip(audio_file="uploads/away.mp3")
    before = refused()
    for method, path in (
        *(("GET", stream(gone)), ("HEAD", stream(gone)), ("GET", stream(away))),
        *(("GET", "/api/v1/clips/999999/stream"), ("GET", f"/api/v1/clips/{gone.pk}")),
    ):
        http(method, path)
    counted = {code: count - before[code] for code, count in refused().items()}
    assert {code for code, count in counted.items() if count} == {
        "origin_http_error",
        "file_missing",
    }
    assert set(counted.values()) == {0, 1}
