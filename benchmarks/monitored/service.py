"""The service as it is run, and its PostgreSQL beside it, which can be stopped by itself."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Self

from clips_site.database.embedded.cluster import Cluster

ROOT = Path(__file__).parents[2]
DATABASE = "clips_db"
LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Postgres:
    """The embedded PostgreSQL, for a service that believes it to be another's server."""

    def __init__(self, folder: Path) -> None:
        self._cluster = Cluster(folder)
        self.server = str(self._cluster.attach(DATABASE))

    def stop(self) -> None:
        """Stop it, as its operator would in haste."""
        pid = int((self._cluster.data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGINT)
        while (self._cluster.data / "postmaster.pid").exists():
            time.sleep(0.05)

    def start(self) -> None:
        """Start it anew."""
        self._cluster.attach(DATABASE)

    def close(self) -> None:
        """Stop it for good, and leave nothing: as root it lies elsewhere than it was told."""
        self._cluster.detach()
        shutil.rmtree(self._cluster.home)


class Service:
    """gunicorn on ports of its own, the same however often it is started anew."""

    def __init__(self, folder: Path, postgres: Postgres, **environment: str) -> None:
        self.store = folder / "audio-store"
        self.port, self.metrics_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "service.log"
        self._environment = os.environ | {
            "CLIPS_ACCESS_LOG": "off",
            "CLIPS_LOCAL_DIR": str(folder),
            "CLIPS_METRICS_PORT": str(self.metrics_port),
            "CLIPS_ORIGIN_ALLOW": "127.0.0.1",
            "CLIPS_STATIC_ROOT": str(folder / "static"),
            "CLIPS_THROTTLE": "off",
            "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
            "DJANGO_SECRET_KEY": "of a benchmark, known to everybody and good for nothing else",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "POSTGRES_DB": DATABASE,
            "POSTGRES_SERVER": postgres.server,
            "WEB_CONCURRENCY": "2",
            "WEB_THREADS": "64",
            **environment,
        }
        self.run("manage.py", "prepare", "--verbosity", "0")
        self.start()

    @property
    def targets(self) -> dict[int, str]:
        """What the ports of the compose file's service are here."""
        return {8000: f"127.0.0.1:{self.port}", 9464: f"127.0.0.1:{self.metrics_port}"}

    def workers(self) -> list[int]:
        """The process ids of gunicorn's workers: its children that run what it runs."""
        master = Path(f"/proc/{self._process.pid}")
        children = (master / f"task/{self._process.pid}/children").read_text().split()
        program = (master / "cmdline").read_bytes()
        return [int(c) for c in children if Path(f"/proc/{c}/cmdline").read_bytes() == program]

    def run(self, *arguments: str) -> None:
        """Run a Python program with the settings of the service."""
        command = [sys.executable, *arguments]
        subprocess.run(command, cwd=ROOT, env=self._environment, check=True)

    def start(self, **environment: str) -> None:
        """Start it, and wait until it is ready; the environment lasts until the next start."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "gunicorn",
                    "--config",
                    "clips_site/server/gunicorn_conf.py",
                ],
                cwd=ROOT,
                env=self._environment | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is ours to pass on
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                LOOPBACK.open(f"{self.url}/readyz", timeout=5).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"The service did not start:\n{self.log.read_text()[-5000:]}")

    def stop(self) -> None:
        """Stop it as Ctrl-C does."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it and all its processes, as the kernel does where memory is short."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._end(signal.SIGINT)

    def _end(self, number: signal.Signals) -> None:
        self._process.send_signal(number)
        self._process.wait(timeout=60)
