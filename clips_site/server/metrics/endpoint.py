"""The metrics process: answers Prometheus on its own port, however busy the workers are.

gunicorn's master starts it with `python -m clips_site.server.metrics.endpoint MASTER`. MASTER is
the master's process id: this process ends when the master does. It reads the files in which the
workers count.
"""

import json
import logging
import os
import signal
import socket
import sys
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import BoundedSemaphore
from typing import Any

# prometheus-client must not count this process's own work in the workers' folder.
FOLDER = os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clips_site.settings")

from django.utils.log import configure_logging  # noqa: E402

from clips_site import settings  # noqa: E402
from library.probes.exposition import CONTENT_TYPE_LATEST, Exposition  # noqa: E402

logger = logging.getLogger("clips_site.server.metrics.endpoint")

MAX_CONCURRENT = 16  # requests; further connections are closed


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD of /metrics, and everything else with an error in JSON."""

    server: "MetricsServer"
    timeout = 5.0  # seconds to receive a request

    def do_GET(self) -> None:
        if self.path.split("?", 1)[0] != "/metrics":
            return self.send_error(HTTPStatus.NOT_FOUND, "Only /metrics exists here.")
        try:
            text = self.server.exposition.text()
        except Exception:
            logger.exception("The metrics could not be rendered")
            return self.send_error(
                HTTPStatus.INTERNAL_SERVER_ERROR, "The metrics could not be rendered."
            )
        return self._send(HTTPStatus.OK, CONTENT_TYPE_LATEST, text)

    do_HEAD = do_GET  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send an error in JSON that quotes nothing from the request."""
        status = HTTPStatus(code)
        if status == HTTPStatus.NOT_IMPLEMENTED:  # a method without a do_… above
            status, message = HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD are allowed."
        elif status not in (HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR):
            message = f"{status.phrase}."
        body = {"detail": message, "code": status.name.lower()}
        self.close_connection = True
        self._send(status, "application/json", json.dumps(body).encode())

    def _send(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        """Return a name without versions, for the Server header."""
        return "clips"

    def log_message(self, *_: Any, **__: Any) -> None:
        """Log nothing about clients."""


class MetricsServer(ThreadingHTTPServer):
    """Serves as long as the master lives."""

    daemon_threads = True
    allow_reuse_port = False  # two servers would share the port, and a scrape would reach either
    request_queue_size = 64

    def __init__(self, host: str, port: int, master: int) -> None:
        """Raise OSError if the port is taken."""
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.exposition = Exposition(FOLDER)
        self._master = master
        self._free = BoundedSemaphore(MAX_CONCURRENT)
        super().__init__((host, port), Handler)

    def server_bind(self) -> None:
        """Bind without HTTPServer's DNS query for its own name, which is not needed."""
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def service_actions(self) -> None:
        """Exit if the master has ended; called twice a second."""
        if os.getppid() != self._master:
            sys.exit()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing: the client has left or was too slow, and its address is private."""


def listen(master: int) -> MetricsServer:
    """Return the server once its port is free. Log one warning if it is taken."""
    host, port = settings.HOST, settings.CLIPS_METRICS_PORT
    warned = False
    while os.getppid() == master:
        try:
            return MetricsServer(host, port, master)
        except OSError as error:
            if not warned:
                logger.warning(
                    "Metrics can't be served on %s:%d (CLIPS_METRICS_PORT): %s. "
                    "Until the port is free, they are served only on port %d.",
                    *(host, port, error.strerror, settings.PORT),
                )
            warned = True
            time.sleep(1.0)  # while another process has the port
    sys.exit()


def main() -> None:
    """Serve until the master ends or sends SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    configure_logging("logging.config.dictConfig", settings.LOGGING)
    listen(int(sys.argv[1])).serve_forever()


if __name__ == "__main__":
    main()
