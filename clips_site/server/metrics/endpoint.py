"""The metrics process: answers Prometheus on a port of its own, whatever the workers are busy with.

gunicorn's master starts it with `python -m clips_site.server.metrics.endpoint MASTER`. MASTER is
the master's process id: this process ends when the master does. It reads the files that the
workers count in.
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

# Prometheus' client must not count in the workers' folder what this process does.
FOLDER = os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clips_site.settings")

from django.utils.log import configure_logging  # noqa: E402

from clips_site import settings  # noqa: E402
from library.probes.exposition import CONTENT_TYPE_LATEST, Exposition  # noqa: E402

logger = logging.getLogger("clips_site.server.metrics.endpoint")

AT_ONCE = 16  # requests; who comes while so many are answered is hung up on
READ_SECONDS = 5.0  # that a client may take for its request
TRY_AGAIN = 1.0  # seconds, while another has the port


class Handler(BaseHTTPRequestHandler):
    """GET and HEAD of /metrics; JSON for all else."""

    server: "MetricsServer"
    timeout = READ_SECONDS

    def do_GET(self) -> None:
        """Tell all that is measured."""
        if self.path.split("?", 1)[0] != "/metrics":
            return self.send_error(HTTPStatus.NOT_FOUND, "There is nothing here but /metrics.")
        try:
            text = self.server.exposition.text()
        except Exception:
            logger.exception("The metrics could not be told")
            return self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here.")
        return self._send(HTTPStatus.OK, CONTENT_TYPE_LATEST, text)

    def do_HEAD(self) -> None:
        """Tell what GET would, but for the body."""
        self.do_GET()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Tell in JSON what is wrong, nothing of the request in it."""
        status = HTTPStatus(code)
        if status == HTTPStatus.NOT_IMPLEMENTED:  # a method that has no do_… here
            status, message = HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD can be asked here."
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
        """Tell no versions."""
        return "clips"

    def log_message(self, *_: Any, **__: Any) -> None:
        """Log nothing of who asks."""


class MetricsServer(ThreadingHTTPServer):
    """Serves while the master lives."""

    daemon_threads = True
    allow_reuse_port = False  # or two servers would share it, and each scrape hit either
    request_queue_size = 64

    def __init__(self, host: str, port: int, master: int) -> None:
        """Raise OSError if it cannot listen there."""
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.exposition = Exposition(FOLDER)
        self._master = master
        self._places = BoundedSemaphore(AT_ONCE)
        super().__init__((host, port), Handler)

    def server_bind(self) -> None:
        """Listen, without HTTPServer's question to DNS for a name that nobody needs."""
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, unless there are too many."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and give the place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def service_actions(self) -> None:
        """Look, twice a second, whether the master is still there."""
        if os.getppid() != self._master:
            sys.exit()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who asked has left, or took too long: nothing to tell, and no address to log."""


def listen(master: int) -> MetricsServer:
    """The server, as soon as its port is free; says once that it is not."""
    host, port = settings.HOST, settings.CLIPS_METRICS_PORT
    told = False
    while os.getppid() == master:
        try:
            return MetricsServer(host, port, master)
        except OSError as error:
            if not told:
                logger.warning(
                    "Metrics cannot be served on %s:%d, which CLIPS_METRICS_PORT names: %s. "
                    "They are served on port %d alone until that is free.",
                    *(host, port, error.strerror, settings.PORT),
                )
            told = True
            time.sleep(TRY_AGAIN)
    sys.exit()


def main() -> None:
    """Serve until the master ends, or ends this."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    configure_logging("logging.config.dictConfig", settings.LOGGING)
    listen(int(sys.argv[1])).serve_forever()


if __name__ == "__main__":
    main()
