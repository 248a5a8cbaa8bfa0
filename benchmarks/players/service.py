"""The service as it is run: gunicorn on a free port, with a database and an audio store of its own.

Its log tells, for every request, the fields that interest here (`requests_log`).
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.players.requests_log import CONDITIONS, MARK

ROOT = Path(__file__).parents[2]
LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Request:
    """A request for a stream; `began` in seconds of some clock."""

    began: float
    method: str
    range: str
    conditions: str
    status: str

    def __str__(self) -> str:
        wanted = [self.range.removeprefix("bytes=")] if self.range else []
        wanted += [self.method] if self.method != "GET" else []
        asked = " ".join([*wanted, self.conditions]).strip() or "whole"
        return f"{asked} → {self.status}"


class Service:
    """A running service whose origins may be on loopback."""

    def __init__(self, folder: Path) -> None:
        self.store = folder / "audio-store"
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._requests: dict[str, list[Request]] = {}
        self.said: list[str] = []  # the log, less the requests for streams
        environment = self._environment(folder)
        subprocess.run(
            [sys.executable, "manage.py", "prepare", "--verbosity", "0"],
            cwd=ROOT,
            env=environment,
            check=True,
        )
        config = ["--config", "clips_site/server/gunicorn_conf.py"]
        config += ["--logger-class", "benchmarks.players.requests_log.RequestsLogger"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *config],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C is ours to pass on
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        try:
            self._await_answer()
        except BaseException:
            self.close()
            raise

    def add_clip(self, title: str, audio_url: str) -> int:
        """Add a clip through the API; returns its id."""
        clip = {"title": title, "genre": "test", "duration": 24.6, "audio_url": audio_url}
        added: int = self._json("/api/v1/clips", json.dumps(clip).encode())["id"]
        return added

    def stream(self, clip: int) -> str:
        """The URL of a clip's stream."""
        return f"{self.url}/api/v1/clips/{clip}/stream"

    def plays(self, clip: int) -> int:
        """How many plays it has counted."""
        count: int = self._json(f"/api/v1/clips/{clip}/stats")["play_count"]
        return count

    def requests(self, clip: int) -> list[Request]:
        """The requests for a clip's stream, once the service has stopped; in order of arrival."""
        found = self._requests.get(f"/api/v1/clips/{clip}/stream", [])
        return sorted(found, key=lambda request: request.began)

    def close(self) -> None:
        """End it, and with it its database; a listener who is still there is given 30 s."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=60)
        finally:
            self._process.kill()
        self._reader.join(timeout=10)

    def _json(self, path: str, body: bytes | None = None) -> Any:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, body, headers)
        with LOOPBACK.open(request, timeout=20) as answer:
            return json.load(answer)

    def _await_answer(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                LOOPBACK.open(f"{self.url}/readyz", timeout=5).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError("The service did not start:\n" + "\n".join(self.said))

    def _read_log(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.startswith(MARK):
                self.said.append(line.rstrip())
                continue
            path, method, asked_range, *conditions, status, microseconds = line.rstrip("\n").split(
                "\t"
            )[1:]
            request = Request(
                time.monotonic() - int(microseconds) / 1e6,
                method,
                asked_range,
                " ".join(name for name, value in zip(CONDITIONS, conditions, strict=True) if value),
                status,
            )
            self._requests.setdefault(path, []).append(request)

    def _environment(self, folder: Path) -> dict[str, str]:
        """Ours, with nothing of another configuration that the environment or `.env` may name."""
        return os.environ | {
            "CLIPS_ACCEL_LOCATION": "",
            "CLIPS_ACCESS_LOG": "on",
            "CLIPS_LOCAL_DIR": str(folder),
            "CLIPS_ORIGIN_ALLOW": "127.0.0.1",
            "CLIPS_STATIC_ROOT": str(folder / "static"),
            "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
            "HOST": "127.0.0.1",
            "PORT": str(self._port),
            "CLIPS_METRICS_PORT": "0",
            "POSTGRES_DB": "clips_db",
            "POSTGRES_SERVER": "",
            "WEB_CONCURRENCY": "2",
            "WEB_THREADS": "64",
        }
