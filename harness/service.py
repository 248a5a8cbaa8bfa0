"""The service as it is run: gunicorn with its workers, on a free port, on the test database."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from django.db import connection

ROOT = Path(__file__).parent.parent
GUNICORN_CONFIGURATION = "clips_site/server/gunicorn_conf.py"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _tells_metrics(pid: int) -> bool:
    try:
        return b"clips_site.server.metrics.endpoint" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):  # it has ended since it was listed
        return False


class Server:
    """A running service; `environment` adds to and overrides the tests' settings."""

    def __init__(
        self, log: Path, configuration: str = GUNICORN_CONFIGURATION, **environment: str
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        metrics_port = environment.setdefault("CLIPS_METRICS_PORT", "0")
        self._metrics_address = "127.0.0.1", int(metrics_port) or self.port
        self.scraped_at = "{}:{}".format(*self._metrics_address)  # where Prometheus asks
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "gunicorn",
                    "--config",
                    configuration,
                ],
                cwd=ROOT,
                env={
                    **os.environ,
                    "DJANGO_SETTINGS_MODULE": "clips_site.settings",
                    "POSTGRES_DB": connection.settings_dict["NAME"],
                    "HOST": "127.0.0.1",
                    "PORT": str(self.port),
                    "WEB_CONCURRENCY": "2",
                    "WEB_THREADS": "64",
                    **environment,
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._await_answer()

    @property
    def pid(self) -> int:
        """The process id of gunicorn's master."""
        return self._process.pid

    def workers(self) -> list[int]:
        """The process ids of the workers that are up."""
        return [pid for pid in self._children() if not _tells_metrics(pid)]

    def metrics_process(self) -> int | None:
        """The process id of the one that answers Prometheus, None while there is none."""
        return next(filter(_tells_metrics, self._children()), None)

    def metrics(self) -> dict[str, float]:
        """What Prometheus is told: the numbers by name and labels as they are written."""
        with urllib.request.urlopen(f"http://{self.scraped_at}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        told = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
        return {name: float(number) for name, number in told}

    def _children(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def terminate(self) -> None:
        """Ask it to end gracefully, as Docker and Kubernetes do: streams may end first."""
        self._process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """Stop it as Ctrl-C does; returns its exit status."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """Its exit status, once it has ended."""
        return self._process.wait(timeout=20)

    def _await_answer(self) -> None:
        """Return once the workers are ready and the process that tells metrics listens, if any."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with (
                    urllib.request.urlopen(f"{self.url}/readyz", timeout=5),
                    socket.create_connection(self._metrics_address, timeout=5),
                ):
                    return
            except OSError:
                time.sleep(0.05)
        self._process.kill()
        raise AssertionError(f"The server did not start:\n{self.log.read_text()}")
