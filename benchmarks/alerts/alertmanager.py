"""A real Alertmanager with the project's configuration, and whom it tells: a server of ours."""

import json
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple, Self

import requests
import yaml

from benchmarks.monitored.service import free_port
from monitoring.hurry import shorter

CONFIGURATION = Path(__file__).parents[2] / "monitoring/alertmanager/alertmanager.yml"
PROGRAMS = ("prometheus-alertmanager", "alertmanager")  # in Debian, elsewhere


class Told(NamedTuple):
    """A receiver was told that an alert fires or is over."""

    receiver: str
    status: str
    alert: str
    severity: str


class Receivers(ThreadingHTTPServer):
    """Writes down who is told what."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.told: list[Told] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, receiver: str) -> str:
        """The webhook of a receiver."""
        return f"http://127.0.0.1:{self.server_port}/{receiver}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Receivers

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for alert in message["alerts"]:
            labels = alert["labels"]
            self.server.told.append(
                Told(self.path.strip("/"), alert["status"], labels["alertname"], labels["severity"])
            )
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class Alertmanager:
    """In a hurry, as Prometheus is; its receivers are ours."""

    def __init__(self, program: str, folder: Path, receivers: Receivers, factor: float) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        configuration = yaml.safe_load(CONFIGURATION.read_text())
        for route in (configuration["route"], *configuration["route"]["routes"]):
            for name in ("group_wait", "group_interval", "repeat_interval"):
                if name in route:
                    route[name] = shorter(route[name], factor)
        for receiver in configuration["receivers"]:
            receiver["webhook_configs"] = [{"url": receivers.url(receiver["name"])}]
        path = folder / "alertmanager.yml"
        path.write_text(yaml.safe_dump(configuration))
        with (folder / "alertmanager.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    program,
                    f"--config.file={path}",
                    f"--storage.path={folder}",
                    f"--web.listen-address={self.address}",
                    "--cluster.listen-address=",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._session = requests.Session()
        self._session.trust_env = False
        while not self._is_ready():
            time.sleep(0.05)

    def muted(self) -> set[str]:
        """The alerts that fire and of which nobody is told, because another one says it."""
        answer = self._session.get(f"http://{self.address}/api/v2/alerts", timeout=10)
        return {
            alert["labels"]["alertname"]
            for alert in answer.json()
            if alert["status"]["inhibitedBy"]
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()
        self._process.terminate()
        self._process.wait(timeout=30)

    def _is_ready(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError("Alertmanager does not start")
        try:
            return self._session.get(f"http://{self.address}/-/ready", timeout=5).ok
        except requests.ConnectionError:
            return False
