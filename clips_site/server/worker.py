"""gunicorn's worker, with JSON for what gunicorn itself refuses: a broken request line, a header
that is too long. Its own answer is an HTML page with the exception's text.
"""

import json
import logging
import socket
import sys
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from logging.config import dictConfig
from typing import Any

from gunicorn.glogging import Logger as GunicornLogger
from gunicorn.workers.gthread import ThreadWorker

from clips_site import settings
from clips_site.server.logs.access_lines import AccessLog, facts_of
from clips_site.server.logs.formatting import log_uncaught
from clips_site.server.logs.request_ids import HEADER, begin
from library.telemetry import request_notes


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


def _is_closed(*, graceful: bool = False) -> None:
    """Of a connection: nothing is left to close."""


class Worker(ThreadWorker):  # type: ignore[misc]
    """A gthread worker that answers errors in JSON, and logs no addresses with them."""

    def handle(self, conn: Any) -> Any:
        """Answer a request, and close a connection that is not kept, here in its own thread.

        Its client may take two seconds to close its side (RFC 9112, section 9.6). gunicorn would
        await that in the one thread that accepts connections, and which its master kills where it
        is not heard of for long.
        """
        kept = super().handle(conn)
        if not kept:
            with suppress(OSError):  # gunicorn has closed it, in the midst of an answer
                conn.close(graceful=True)
            conn.close = _is_closed
        return kept

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Gunicorn's own log line and status, our body."""
        super().handle_error(req, _JSONErrors(client, begin()), None, exc)


class Logger(GunicornLogger):  # type: ignore[misc]
    """gunicorn's log: its lines are written as all others are, and quote no client."""

    def setup(self, cfg: Any) -> None:
        """Leave it to the handler of all lines; the master has none until now."""
        dictConfig(settings.LOGGING)
        logging.captureWarnings(capture=True)
        log_uncaught()
        self.cfg = cfg
        self.error_log.propagate = True
        self._lines = (
            AccessLog(settings.LOG_FORMAT, self.error_log.getEffectiveLevel())
            if settings.ACCESS_LOG
            else None
        )

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """What cannot be read may hold an address or a token, so it is not quoted."""
        fault = sys.exception()
        if fault is not None and msg.startswith("Invalid request from ip="):
            msg, args = "Request refused: %s", (type(fault).__name__,)
        super().warning(msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Of a URL it tells the path alone."""
        super().exception(msg, *(str(arg).partition("?")[0] for arg in args), **kwargs)

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """The last byte has been sent, or the client has left."""
        noted = request_notes.noted(environ)
        span = noted.get("span")
        if self._lines is None and span is None:
            return
        try:
            facts = facts_of(resp, req, noted, request_time.total_seconds())
            if self._lines is not None:
                self._lines.write(facts)
            if span is not None:
                span.finish(facts, noted.get("path_template"))
        except Exception:
            self.error_log.exception("A request could not be logged")
