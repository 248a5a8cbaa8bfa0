"""Plays stay exact while workers, PostgreSQL's processes or PostgreSQL are killed or frozen.

The service has its own PostgreSQL cluster, because the other tests need theirs.
"""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import Condition, Event, Thread

import psycopg
import pytest
import requests

from clips_site.database.embedded.cluster import SUPERUSER, Cluster
from harness.service import ROOT, Server, free_port
from harness.waiting import until

pytestmark = [pytest.mark.processes, pytest.mark.proof]
LISTENERS = 24
AUDIO = re.compile(rb"HTTP/1\.1 20[06] .*?\r\n\r\n.", re.DOTALL)  # up to its first byte
COUNTED = """
SELECT
    (SELECT sum(play_count) FROM library_clip), (SELECT count(*) FROM library_playevent),
    (SELECT sum(plays) FROM library_playtally), (SELECT sum(plays) FROM library_librarytally)
"""


class Service:
    """A service with its cluster, and counts of the requests sent and of the streams heard."""

    def __init__(self, folder: Path) -> None:
        self.cluster = Cluster(folder / "postgres")
        self._environment = {
            "CLIPS_LOCAL_DIR": str(folder),
            "POSTGRES_SERVER": "",
            "POSTGRES_DB": "under_fire",
            "CLIPS_METRICS_PORT": str(free_port()),
        }
        self.manage("prepare")
        self.server = Server(folder / "log", **self._environment)
        self.requested = count()
        self.heard = 0
        self._hearing = Condition()

    def manage(self, command: str) -> str:
        """Run a management command and return its output; it must succeed."""
        result = subprocess.run(
            [sys.executable, "manage.py", command],
            cwd=ROOT,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "clips_site.settings",
                **self._environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def database(self) -> psycopg.Connection:
        """Connect to the cluster without the service."""
        return psycopg.connect(
            host=str(self.cluster.socket_folder), user=SUPERUSER, dbname="under_fire"
        )

    def listen(self, until: Event) -> None:
        """Request one stream after another, plain and ranged, each as another listener."""
        while not until.is_set():
            number = next(self.requested)
            request = (
                f"GET /api/v1/clips/{number % 6 + 1}/stream HTTP/1.1\r\nHost: localhost\r\n"
                f"User-Agent: listener {number}\r\n"
                + ("Range: bytes=0-\r\n" if number % 2 else "")
                + "\r\n"
            )
            if self._hears_audio(request.encode()):
                with self._hearing:
                    self.heard += 1
                    self._hearing.notify_all()

    def _hears_audio(self, request: bytes) -> bool:
        received = b""
        try:
            with socket.create_connection(("127.0.0.1", self.server.port), timeout=20) as listener:
                listener.sendall(request)
                while data := listener.recv(512):
                    received += data
                    if AUDIO.match(received):
                        return True
        except ConnectionError:
            pass  # its worker was killed
        return False

    def await_plays(self, more: int) -> None:
        """Return once `more` further listeners have heard audio."""
        with self._hearing:
            enough = self.heard + more
            assert self._hearing.wait_for(lambda: self.heard >= enough, timeout=30)


@pytest.fixture(scope="module")
def service(static_files: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("fire"))
    yield service
    assert service.server.stop() == 0
    shutil.rmtree(service.cluster.home)


def kill_a_worker(service: Service) -> None:
    os.kill(random.choice(service.server.workers()), signal.SIGKILL)


def kill_a_backend(service: Service) -> None:
    """Kill a backend. PostgreSQL then ends all others and recovers from its log."""
    with service.database() as database:
        found = database.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchall()
    os.kill(random.choice(found)[0], signal.SIGKILL)


def kill_postgresql(service: Service) -> None:
    postmaster = (service.cluster.data / "postmaster.pid").read_text().split()[0]
    os.kill(int(postmaster), signal.SIGKILL)


@pytest.mark.parametrize(
    ("kill", "times"), [(kill_a_worker, 6), (kill_a_backend, 2), (kill_postgresql, 1)]
)
def test_every_stream_heard_is_counted_and_all_counts_agree(
    service: Service, kill: Callable[[Service], None], times: int
) -> None:
    done = Event()
    listeners = [Thread(target=service.listen, args=[done]) for _ in range(LISTENERS)]
    for listener in listeners:
        listener.start()
    try:
        for _ in range(times):
            service.await_plays(LISTENERS)
            kill(service)
        service.await_plays(2 * LISTENERS)  # more than were in progress
    finally:
        done.set()
        for listener in listeners:
            listener.join()
    with service.database() as database:
        counters, events, tallies, library = database.execute(COUNTED).fetchone() or ()
    assert counters == events == tallies == library
    assert service.heard <= events <= next(service.requested)
    assert "agree" in service.manage("check_plays")


@contextmanager
def frozen(service: Service) -> Iterator[None]:
    """Stop all processes of PostgreSQL, which then neither answer nor refuse connections."""
    postmaster = (service.cluster.data / "postmaster.pid").read_text().split()[0]
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    processes = [int(pid) for pid in (postmaster, *children)]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


def await_database(server: Server) -> dict[str, float]:
    """Return the metrics once they include those of the database; a busy machine may be late."""
    for _ in range(60):
        if (metrics := server.metrics())["clips_database_up"] == 1:
            return metrics
    raise AssertionError("the database did not answer")


def test_metrics_report_frozen_postgresql_and_the_plays_after_it_continues(
    service: Service,
) -> None:
    server = service.server
    own = f"{server.url}/metrics"  # the metrics of the workers
    before = await_database(server)
    with frozen(service):
        for _ in range(3):
            metrics = server.metrics()
            assert metrics["clips_database_up"] == 0
            assert metrics["clips_streams_started_total"] == before["clips_streams_started_total"]
            assert "clips_plays_recorded_total" not in metrics
        assert "\nclips_database_up 0.0" in requests.get(own, timeout=30).text
    stream = f"{server.url}/api/v1/clips/1/stream"
    assert requests.get(stream, headers={"User-Agent": "thawed"}, timeout=30).ok
    # The first response may come before PostgreSQL answers.
    plays = "clips_plays_recorded_total"
    until(lambda: server.metrics().get(plays) == before[plays] + 1)
    until(lambda: "\nclips_database_up 1.0" in requests.get(own, timeout=30).text)
