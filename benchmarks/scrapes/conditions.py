"""The conditions under which the service is scraped: slow and fast listeners, replaced workers."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread

import psycopg

from harness.installation import Installation
from harness.postgres import DATABASE, Postgres
from harness.service import ROOT, Server, read_metrics

WORKERS, THREADS, LISTENERS = 2, 8, 500
SCRAPE_TIMEOUT = 10.0  # seconds
SETTINGS = {"WEB_CONCURRENCY": str(WORKERS), "WEB_THREADS": str(THREADS)}
# Reads the session, for which `all_threads_wait` lets it wait.
PAGE = b"GET /admin/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: sessionid=unknown1\r\n\r\n"


def add_large_clip(installation: Installation) -> None:
    """Make clip 1 too large for the kernel to buffer ahead of a slow listener."""
    sample = (ROOT / "fixtures/audio/ambient-sounds.mp3").read_bytes()
    media = installation.folder / "media"
    media.mkdir(exist_ok=True)
    (media / "large.mp3").write_bytes(sample * 40)
    installation.run_python(
        "from library.models import Clip; Clip.objects.filter(id=1).update(audio_file='large.mp3')"
    )


def scrape(address: str) -> dict[str, float] | None:
    """Return the samples at an address; None after the timeout."""
    try:
        return read_metrics(address, SCRAPE_TIMEOUT)
    except OSError:
        return None


def listen(server: Server, *, slow: bool) -> socket.socket:
    """Request a stream and read its beginning; a slow listener has a small receive buffer."""
    listener = socket.socket()
    if slow:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.settimeout(SCRAPE_TIMEOUT)
    listener.connect(("127.0.0.1", server.port))
    clip = 1 if slow else 2
    listener.sendall(
        f"GET /api/v1/clips/{clip}/stream HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode()
    )
    assert listener.recv(12).endswith(b" 200")
    return listener


@contextmanager
def slow_listeners(server: Server) -> Iterator[None]:
    """Begin streams whose listeners read no further."""
    with ExitStack() as held:
        for _ in range(LISTENERS):
            held.enter_context(listen(server, slow=True))
        yield


@contextmanager
def all_threads_wait(server: Server, postgres: Postgres) -> Iterator[None]:
    """Let every thread of Django wait for a lock, and more requests for a thread."""
    with ExitStack() as held:
        locking = held.enter_context(postgres.connect(DATABASE))
        held.enter_context(locking.transaction())
        locking.execute("LOCK TABLE django_session IN ACCESS EXCLUSIVE MODE")
        while _waiting(locking) < WORKERS * THREADS:
            client = held.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            client.sendall(PAGE)
            time.sleep(0.01)
        for _ in range(4 * WORKERS * THREADS):  # statements give up after STATEMENT_DEADLINE
            client = held.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            client.sendall(PAGE)
        yield


def _waiting(connection: psycopg.Connection) -> int:
    (number,) = connection.execute(
        "SELECT count(*) FROM pg_locks WHERE NOT granted"
    ).fetchone() or (0,)
    return int(number)


@contextmanager
def streams_at_full_speed(server: Server) -> Iterator[None]:
    """Fetch one stream after another in more threads than there are processors."""
    done = Event()

    def fetch() -> None:
        while not done.is_set():
            with listen(server, slow=False) as listener:
                while listener.recv(1 << 20):
                    pass

    listeners = [Thread(target=fetch) for _ in range(8)]
    for thread in listeners:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in listeners:
            thread.join()


def replace_workers(server: Server) -> None:
    """Kill all workers; return when their successors answer."""
    before = server.workers()
    for worker in before:
        os.kill(worker, signal.SIGKILL)
    address = f"127.0.0.1:{server.port}"
    while len(set(server.workers()) - set(before)) < WORKERS or scrape(address) is None:
        time.sleep(0.02)


def metric_files(server: Server) -> tuple[int, int]:
    """Return the number of files that the workers count in, and the bytes used in them."""
    (folder,) = {
        Path(line.split(None, 5)[5].strip()).parent
        for worker in server.workers()
        for line in Path(f"/proc/{worker}/maps").read_text().splitlines()
        if "clips-metrics-" in line
    }
    files = list(folder.glob("*.db"))
    return len(files), sum(int.from_bytes(f.read_bytes()[:4], sys.byteorder) for f in files)
