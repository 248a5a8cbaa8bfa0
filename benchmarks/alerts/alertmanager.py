"""Alertmanager with the project's configuration, and a server that records its notifications."""

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple, Self

import yaml

from harness.accelerated_rules import divide_durations
from harness.prometheus import MonitoringProgram
from harness.service import ROOT, free_port

CONFIGURATION = ROOT / "monitoring/alertmanager/alertmanager.yml"
NAMES = ("prometheus-alertmanager", "alertmanager")  # in Debian, elsewhere
PROGRAM = next(filter(shutil.which, NAMES), None)


class Notification(NamedTuple):
    """An alert that was sent to a receiver; `status` is firing or resolved."""

    receiver: str
    status: str
    alert: str
    severity: str


class Receivers(ThreadingHTTPServer):
    """A webhook for each receiver, which records its notifications."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.notifications: list[Notification] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, receiver: str) -> str:
        """Return the URL of a receiver's webhook."""
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
        receiver = self.path.strip("/")
        for alert in message["alerts"]:
            name, severity = (alert["labels"][label] for label in ("alertname", "severity"))
            notification = Notification(receiver, alert["status"], name, severity)
            self.server.notifications.append(notification)
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class Alertmanager(MonitoringProgram):
    """Groups and repeats at the accelerated pace of Prometheus, and notifies our receivers."""

    def __init__(self, folder: Path, receivers: Receivers, factor: float) -> None:
        configuration = yaml.safe_load(CONFIGURATION.read_text())
        for route in (configuration["route"], *configuration["route"]["routes"]):
            for name in ("group_wait", "group_interval", "repeat_interval"):
                if name in route:
                    route[name] = divide_durations(route[name], factor)
        for receiver in configuration["receivers"]:
            receiver["webhook_configs"] = [{"url": receivers.url(receiver["name"])}]
        path = folder / "alertmanager.yml"
        path.write_text(yaml.safe_dump(configuration))
        super().__init__(
            folder,
            f"127.0.0.1:{free_port()}",
            f"{PROGRAM}",
            f"--config.file={path}",
            f"--storage.path={folder}",
            "--cluster.listen-address=",
        )

    def inhibited(self) -> set[str]:
        """Return the names of alerts that fire and are muted by another alert."""
        return {
            alert["labels"]["alertname"]
            for alert in self.get("/api/v2/alerts").json()
            if alert["status"]["inhibitedBy"]
        }
