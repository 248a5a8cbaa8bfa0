"""The load of `make bench` on a real service, in a second each."""

import shutil
from collections.abc import Iterator

import pytest

from benchmarks.speed import crowds
from benchmarks.speed.listeners import Crowd, Listener
from benchmarks.speed.load import Request, Target, run
from benchmarks.speed.processes import connections, family, memory
from harness.service import Server
from harness.waiting import until
from library.models import Clip


@pytest.fixture
def target(server: Server, clip: Clip) -> Iterator[Target]:
    yield Target(server.url, server.pid, server.pid, range(clip.pk, clip.pk + 1))
    # wrk leaves when its time is over, and its last requests are still carried out.
    until(lambda: server.metrics()["clips_http_requests_in_progress"] == 0)


@pytest.mark.skipif(not shutil.which("wrk"), reason="needs wrk: make system-tools")
def test_wrk_loads_the_service_without_errors(target: Target) -> None:
    sample = run(target, Request("/api/v1/clips/CLIP/stream"), 1)
    assert sample.errors == 0
    assert sample.rate > 0
    assert sample.p50 > 0


@pytest.mark.skipif(not shutil.which("wrk"), reason="needs wrk: make system-tools")
def test_wrk_posts_clips_with_different_urls(target: Target) -> None:
    before = Clip.objects.count()
    sample = run(target, Request("/api/v1/clips", script="post_clip.lua"), 1)
    assert sample.errors == 0
    assert Clip.objects.count() > before


@pytest.mark.skipif(not shutil.which("wrk"), reason="needs wrk: make system-tools")
def test_missing_clip_counts_as_errors(target: Target, clip: Clip) -> None:
    missing = Target(target.url, target.pid, target.database_pid, range(clip.pk + 1, clip.pk + 2))
    assert run(missing, Request("/api/v1/clips/CLIP"), 1).errors > 0


def test_crowd_of_slow_listeners_is_served_while_the_list_is_probed(
    target: Target, server: Server, clip: Clip
) -> None:
    crowd = crowds.Crowd(listeners=5, within=0.2, rate=24_000, seconds=crowds.MARGIN + 1)
    outcome = crowds.listen(target, server.port, crowd)
    assert (outcome.result.served, outcome.result.refused, outcome.result.failed) == (5, 0, 0)
    assert 0 < outcome.probe.percentile(50) <= outcome.probe.percentile(99) < crowds.PATIENCE * 1000
    clip.refresh_from_db()
    assert clip.play_count == 5


def test_listeners_of_a_missing_clip_are_refused(server: Server, clip: Clip) -> None:
    crowd = Crowd(server.port, range(clip.pk + 1, clip.pk + 2), 3, 24_000, 0.1)
    result = crowd.listen(1.0)
    assert (result.served, result.refused) == (0, 3)


def test_listener_wants_what_its_player_has_played() -> None:
    listener = Listener(None, began=10.0, received=1_000)  # type: ignore[arg-type]
    assert listener.due(24_000, now=10.5) == 11_000


def test_processes_of_the_service_are_its_workers_and_their_parent(server: Server) -> None:
    assert {server.pid, *server.workers()} <= set(family(server.pid))
    assert memory(server.pid) > memory(server.workers()[0]) > 1


def test_connections_are_found_in_the_worker_that_accepted_them(
    server: Server, http: object
) -> None:
    http("GET", "/livez")  # type: ignore[operator]
    assert sum(connections(worker, server.port) for worker in server.workers()) >= 1
