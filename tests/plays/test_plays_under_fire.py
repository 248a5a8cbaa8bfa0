"""Workers, PostgreSQL's processes and PostgreSQL itself are killed while many listen, or frozen.

The service runs on a cluster of its own, since the other tests' must live.
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

pytestmark = pytest.mark.processes
LISTENERS = 24
AUDIO = re.compile(rb"HTTP/1\.1 20[06] .*?\r\n\r\n.", re.DOTALL)  # up to its first byte
COUNTED = """
SELECT
    (SELECT sum(play_count) FROM library_clip), (SELECT count(*) FROM library_playevent),
    (SELECT sum(plays) FROM library_playtally), (SELECT sum(plays) FROM library_librarytally)
"""


class Service:
    """The service with its cluster, and what its listeners have asked for and heard."""

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
        self.asked = count()
        self.heard = 0
        self._hearing = Condition()

    def manage(self, command: str) -> str:
        """What a management command says; it must succeed."""
        done = subprocess.run(
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
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def database(self) -> psycopg.Connection:
        """A connection that is not the service's."""
        return psycopg.connect(
            host=str(self.cluster.socket_folder), user=SUPERUSER, dbname="under_fire"
        )

    def listen(self, until: Event) -> None:
        """Ask for one stream after another, plain and ranged, each by a listener of its own."""
        while not until.is_set():
            number = next(self.asked)
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
        """Return when so many more have heard audio."""
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
    """PostgreSQL then ends all others too, and recovers from its log."""
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
def test_what_was_heard_is_counted_and_all_counts_agree(
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
        service.await_plays(2 * LISTENERS)  # more than were under way
    finally:
        done.set()
        for listener in listeners:
            listener.join()
    with service.database() as database:
        counters, events, tallies, library = database.execute(COUNTED).fetchone() or ()
    assert counters == events == tallies == library
    assert service.heard <= events <= next(service.asked)
    assert "agree" in service.manage("check_plays")


@contextmanager
def frozen(service: Service) -> Iterator[None]:
    """PostgreSQL's processes neither answer nor refuse: all are stopped."""
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
    """What the metrics tell with the database, which this machine may keep from answering soon."""
    for _ in range(60):
        if (told := server.metrics())["clips_database_up"] == 1:
            return told
    raise AssertionError("the database should answer")


def test_metrics_tell_that_postgresql_is_frozen_and_the_plays_after_the_thaw(
    service: Service,
) -> None:
    server = service.server
    own = f"{server.url}/metrics"  # the workers' answer to Prometheus
    before = await_database(server)
    with frozen(service):
        for _ in range(3):
            told = server.metrics()
            assert told["clips_database_up"] == 0
            assert told["clips_streams_started_total"] == before["clips_streams_started_total"]
            assert "clips_plays_recorded_total" not in told
        assert "\nclips_database_up 0.0" in requests.get(own, timeout=30).text
    stream = f"{server.url}/api/v1/clips/1/stream"
    assert requests.get(stream, headers={"User-Agent": "thawed"}, timeout=30).ok
    # The first answer after a thaw may come too soon for PostgreSQL's.
    plays = "clips_plays_recorded_total"
    until(lambda: server.metrics().get(plays) == before[plays] + 1)
    until(lambda: "\nclips_database_up 1.0" in requests.get(own, timeout=30).text)
