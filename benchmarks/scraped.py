"""The service that is scraped, and what goes on meanwhile."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread

import psycopg

from clips_site.database.embedded.cluster import SUPERUSER, Cluster

ROOT = Path(__file__).parent.parent
WORKERS, THREADS = 2, 16
GIVE_UP = 10.0  # seconds
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Service:
    """The service, with a database of its own in the folder."""

    def __init__(self, folder: Path) -> None:
        self.port, self.metrics_port = _free_port(), _free_port()
        self.cluster = Cluster(folder / "postgres")
        environment = os.environ | {
            "CLIPS_ACCESS_LOG": "off",
            "CLIPS_LOCAL_DIR": str(folder),
            "CLIPS_MAX_STREAMS": str(THREADS - 1),
            "CLIPS_METRICS_PORT": str(self.metrics_port),
            "CLIPS_THROTTLE": "off",
            "DJANGO_SETTINGS_MODULE": "clips_site.settings",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "POSTGRES_DB": "scrapes",
            "POSTGRES_SERVER": "",
            "WEB_CONCURRENCY": str(WORKERS),
            "WEB_THREADS": str(THREADS),
        }
        for command in ("collectstatic --noinput", "prepare"):
            manage = [sys.executable, "manage.py", *command.split(), "--verbosity", "0"]
            subprocess.run(manage, cwd=ROOT, env=environment, check=True)
        self._add_large_clip(folder)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--config", "clips_site/server/gunicorn_conf.py"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for port in (self.port, self.metrics_port):
            while self.scrape(port) is None:
                time.sleep(0.05)

    def _add_large_clip(self, folder: Path) -> None:
        """Make clip 1 too large for the kernel to take it in ahead of a slow listener."""
        sample = (ROOT / "fixtures/audio/ambient-sounds.mp3").read_bytes()
        (folder / "media").mkdir(exist_ok=True)
        (folder / "media" / "large.mp3").write_bytes(sample * 40)
        self.cluster.attach("scrapes")
        with psycopg.connect(
            host=str(self.cluster.socket_folder), user=SUPERUSER, dbname="scrapes"
        ) as database:
            database.execute("UPDATE library_clip SET audio_file = 'large.mp3' WHERE id = 1")

    def scrape(self, port: int) -> dict[str, float] | None:
        """What is told there; None if nothing is in time."""
        try:
            with NO_PROXY.open(f"http://127.0.0.1:{port}/metrics", timeout=GIVE_UP) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return None
        told = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in told}

    def workers(self) -> list[int]:
        """Their process ids; the last child that was started first is the metrics process."""
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in children if not _command(child).count("metrics.endpoint")]

    def files(self) -> tuple[int, int]:
        """How many files the workers count in, and the bytes that are used of them."""
        (folder,) = {
            Path(line.split(None, 5)[5].strip()).parent
            for worker in self.workers()
            for line in Path(f"/proc/{worker}/maps").read_text().splitlines()
            if "clips-metrics-" in line
        }
        files = list(folder.glob("*.db"))
        return len(files), sum(int.from_bytes(f.read_bytes()[:4], sys.byteorder) for f in files)

    def replace_workers(self) -> None:
        """Kill all, and return when others count."""
        before = self.workers()
        for worker in before:
            os.kill(worker, signal.SIGKILL)
        while len(set(self.workers()) - set(before)) < WORKERS or self.scrape(self.port) is None:
            time.sleep(0.02)

    def listener(self, *, slow: bool) -> socket.socket:
        """One who has asked for a stream; a slow one reads no more than its beginning."""
        listener = socket.socket()
        if slow:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.settimeout(GIVE_UP)
        listener.connect(("127.0.0.1", self.port))
        clip = 1 if slow else 2
        listener.sendall(f"GET /api/v1/clips/{clip}/stream HTTP/1.0\r\n\r\n".encode())
        assert listener.recv(12).startswith(b"HTTP/1.")
        return listener

    def close(self) -> None:
        """End it, and its database."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait()
        self.cluster.detach()


def _command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except FileNotFoundError:
        return ""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def every_thread_held(service: Service) -> Iterator[None]:
    """As many slow listeners as may stream, and who never ends their request for the rest."""
    with ExitStack() as held:
        while True:
            told = service.scrape(service.metrics_port) or {}
            if told.get("clips_streams_in_progress") == WORKERS * (THREADS - 1):
                break
            listener = service.listener(slow=True)
            if listener.recv(4096).count(b"no_capacity"):  # by this worker; another has places
                listener.close()
            else:
                held.enter_context(listener)
        for _ in range(20 * WORKERS):
            waiting = held.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            waiting.sendall(b"GET /livez HTTP/1.1\r\nHost:")
        yield


@contextmanager
def streaming_at_full_speed(service: Service) -> Iterator[None]:
    """Listeners without pause, more than there are processors."""
    done = Event()

    def listen() -> None:
        while not done.is_set():
            with service.listener(slow=False) as listener:
                while listener.recv(1 << 20):
                    pass

    listeners = [Thread(target=listen) for _ in range(8)]
    for thread in listeners:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in listeners:
            thread.join()


@contextmanager
def database_stopped(service: Service) -> Iterator[None]:
    """PostgreSQL's processes neither answer nor refuse."""
    postmaster = (service.cluster.data / "postmaster.pid").read_text().split()[0]
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    for pid in (postmaster, *children):
        os.kill(int(pid), signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in (postmaster, *children):
            os.kill(int(pid), signal.SIGCONT)
