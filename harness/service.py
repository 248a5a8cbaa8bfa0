"""The service under gunicorn, on free ports of loopback."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import ClassVar, Self

from django.db import connection

from clips_site.server.task_process import NAME as TASK_PROCESS

ROOT = Path(__file__).parent.parent
GUNICORN_CONFIGURATION = "clips_site/server/gunicorn_conf.py"
START_TIMEOUT, STOP_TIMEOUT = 60, 60  # seconds
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    """Return a TCP port on which no process listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def read_metrics(address: str, timeout: float = 30) -> dict[str, float]:
    """Return the samples of /metrics at an address, by name and labels as they are exposed."""
    with NO_PROXY.open(f"http://{address}/metrics", timeout=timeout) as answer:
        lines = answer.read().decode().splitlines()
    samples = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
    return {name: float(value) for name, value in samples}


class Server:
    """A running service of two workers.

    Keyword arguments are environment variables and override the environment of this process.
    Without `POSTGRES_DB` the service uses the database of Django's connection, the tests' database.
    """

    # What differs from the service's own defaults.
    DEFAULTS: ClassVar = {"CLIPS_METRICS_PORT": "0", "WEB_CONCURRENCY": "2"}

    def __init__(
        self, log: Path, configuration: str = GUNICORN_CONFIGURATION, **environment: str
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        metrics_port = int(environment.get("CLIPS_METRICS_PORT", "0")) or self.port
        self.metrics_address = f"127.0.0.1:{metrics_port}"
        self.log = log
        self._configuration = configuration
        if "POSTGRES_DB" not in environment:
            environment["POSTGRES_DB"] = connection.settings_dict["NAME"]
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "clips_site.settings",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            **self.DEFAULTS,
            **environment,
        }
        self.start()

    def start(self, **environment: str) -> None:
        """Start it on the same ports; the variables given here last until the next start."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "--config", self._configuration],
                cwd=ROOT,
                env=self.environment | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the caller, which stops the service
            )
        self._await_answer()

    @property
    def pid(self) -> int:
        """The process ID of gunicorn's master."""
        return self._process.pid

    @property
    def scrape_targets(self) -> dict[int, str]:
        """Addresses that stand for the container's ports in Prometheus' configuration."""
        return {8000: f"127.0.0.1:{self.port}", 9464: self.metrics_address}

    def workers(self) -> list[int]:
        """Return the process IDs of the running workers."""
        others = (self.metrics_process(), self.task_process())
        return [pid for pid in self._children() if pid not in others]

    def metrics_process(self) -> int | None:
        """Return the process ID of the metrics process, or None if there is none."""
        return next(filter(_is_metrics_process, self._children()), None)

    def task_process(self) -> int | None:
        """Return the process ID of the worker of tasks, or None if there is none."""
        return next(filter(_is_task_process, self._children()), None)

    def metrics(self) -> dict[str, float]:
        """Return the samples that Prometheus scrapes."""
        return read_metrics(self.metrics_address)

    def terminate(self) -> None:
        """Begin a graceful stop, as Docker and Kubernetes do: streams may finish first."""
        self._process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """Stop it as Ctrl-C does; return its exit status."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        return self.wait()

    def kill(self) -> None:
        """Kill all its processes, as the kernel does when memory runs out."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self) -> int:
        """Wait until it has ended; return its exit status."""
        return self._process.wait(timeout=STOP_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _children(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def _await_answer(self) -> None:
        """Return when the workers are ready and the metrics process, if any, listens."""
        host, metrics_port = self.metrics_address.split(":")
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with (
                    NO_PROXY.open(f"{self.url}/readyz", timeout=5),
                    socket.create_connection((host, int(metrics_port)), timeout=5),
                ):
                    return
            except OSError:
                time.sleep(0.05)
        if self._process.poll() is None:
            self.kill()
        raise AssertionError(f"The service did not start:\n{self.log.read_text()[-5000:]}")


def _is_metrics_process(pid: int) -> bool:
    try:
        return b"clips_site.server.metrics.endpoint" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):  # it has ended since it was listed
        return False


def _is_task_process(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == TASK_PROCESS
    except (FileNotFoundError, ProcessLookupError):
        return False
