"""gunicorn's worker, with JSON for what gunicorn itself refuses: a broken request line, a header
that is too long. Its own answer is an HTML page with the exception's text.
"""

import json
import socket
from http import HTTPStatus
from typing import Any

from gunicorn.glogging import Logger as GunicornLogger
from gunicorn.workers.gthread import ThreadWorker

from clips_site.request_id import HEADER, add_to_record, begin


class _JSONErrors:
    """A client's socket that turns gunicorn's page into JSON, and is that socket in all else."""

    def __init__(self, client: socket.socket, request_name: str) -> None:
        self._client = client
        self._request_name = request_name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def sendall(self, page: bytes) -> None:
        """Send JSON with the page's status."""
        status = HTTPStatus(int(page.split(None, 2)[1]))
        # 414 is called Request-URI Too Long by older Pythons
        code = status.phrase.lower().replace(" ", "_").removeprefix("request-")
        body = json.dumps({"detail": f"{status.phrase}.", "code": code}).encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nCache-Control: no-store\r\n"
            f"{HEADER}: {self._request_name}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._client.sendall(head.encode() + body)


class Worker(ThreadWorker):  # type: ignore[misc]
    """A gthread worker that answers errors in JSON, and logs no addresses with them."""

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Gunicorn's own log line and status, our body."""
        super().handle_error(req, _JSONErrors(client, begin()), None, exc)


class Logger(GunicornLogger):  # type: ignore[misc]
    """gunicorn's log, whose lines name the request that they belong to."""

    error_fmt = "%(asctime)s [%(process)d] [%(levelname)s]%(request_name)s %(message)s"

    def setup(self, cfg: Any) -> None:
        """Make the handlers, and have them name the request."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.addFilter(add_to_record)
