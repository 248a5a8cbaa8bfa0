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

from harness.installation import Installation
from harness.service import ROOT, Server, read_metrics

WORKERS, THREADS = 2, 16
SCRAPE_TIMEOUT = 10.0  # seconds
SETTINGS = {
    "CLIPS_MAX_STREAMS": str(THREADS - 1),
    "WEB_CONCURRENCY": str(WORKERS),
    "WEB_THREADS": str(THREADS),
}


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
    listener.sendall(f"GET /api/v1/clips/{clip}/stream HTTP/1.0\r\n\r\n".encode())
    assert listener.recv(12).startswith(b"HTTP/1.")
    return listener


@contextmanager
def all_threads_held(server: Server) -> Iterator[None]:
    """Hold every thread: by slow listeners up to the limit, the rest by unfinished requests."""
    with ExitStack() as held:
        while True:
            samples = scrape(server.metrics_address) or {}
            if samples.get("clips_streams_in_progress") == WORKERS * (THREADS - 1):
                break
            listener = listen(server, slow=True)
            if listener.recv(4096).count(b"no_capacity"):  # this worker is full; try the other one
                listener.close()
            else:
                held.enter_context(listener)
        for _ in range(20 * WORKERS):
            waiting = held.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            waiting.sendall(b"GET /livez HTTP/1.1\r\nHost:")
        yield


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
