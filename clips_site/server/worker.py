"""gunicorn's worker and logger, adapted: JSON errors, no addresses in the log, no slow close.

README.md lists the internals of gunicorn that this module overrides.
"""

import json
import logging
import os
import signal
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
from clips_site.server.logs.access_lines import AccessLog, describe_request
from clips_site.server.logs.formatting import log_uncaught
from clips_site.server.logs.request_ids import HEADER, begin
from library.telemetry import request_notes

STOP = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


def _start_as_worker() -> None:
    for number in STOP:  # nothing is served until gunicorn installs its own handlers
        signal.signal(number, lambda *_: os._exit(0))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)


# Until a worker installs its handlers, it has the master's, and a signal would be lost: the
# master would wait for `graceful_timeout` and then kill it. So signals are blocked in between.
# gunicorn's configuration is no place for this: it is executed again at each reload.
os.register_at_fork(
    before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, STOP),
    after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP),
    after_in_child=_start_as_worker,
)


class _JSONErrors:
    """A client's socket that replaces gunicorn's HTML error page with JSON."""

    def __init__(self, client: socket.socket, request_id: str) -> None:
        self._client = client
        self._request_id = request_id

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def sendall(self, page: bytes) -> None:
        status = HTTPStatus(int(page.split(None, 2)[1]))
        # Python before 3.13 calls 414 Request-URI Too Long
        code = status.phrase.lower().replace(" ", "_").removeprefix("request-")
        body = json.dumps({"detail": f"{status.phrase}.", "code": code}).encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nCache-Control: no-store\r\n"
            f"{HEADER}: {self._request_id}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._client.sendall(head.encode() + body)


class Worker(ThreadWorker):  # type: ignore[misc]
    """A gthread worker that closes connections in their own threads and reports errors as JSON."""

    def handle(self, conn: Any) -> Any:
        """Answer a request, and close its connection in this thread unless it is kept alive.

        The client may take two seconds to close its side (RFC 9112, section 9.6). gunicorn would
        wait for it in the only thread that accepts connections. The master kills a worker whose
        main thread blocks for long.
        """
        kept = super().handle(conn)
        if not kept:
            with suppress(OSError):  # gunicorn has already closed it, during a broken response
                conn.close(graceful=True)
            conn.close = lambda *, graceful=False: None  # it is closed already
        return kept

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Exit at once on SIGINT (Ctrl-C) and SIGQUIT.

        gunicorn 27's own handler takes a lock that the interrupted main thread may hold; the worker
        then hangs until it is killed. Python also waits for every thread before it exits, and so
        for the slowest listener. PostgreSQL rolls back a play that is being recorded; its audio has
        not been sent. SIGTERM is the graceful way: streams may end, for up to `graceful_timeout`
        seconds.
        """
        os._exit(0)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Log and answer as gunicorn does, but without the address and with a JSON body."""
        super().handle_error(req, _JSONErrors(client, begin()), None, exc)


class Logger(GunicornLogger):  # type: ignore[misc]
    """gunicorn's logger, with the format of all other lines and without data of clients."""

    def setup(self, cfg: Any) -> None:
        """Use the service's logging configuration, which the master lacks until now."""
        dictConfig(settings.LOGGING)
        logging.captureWarnings(capture=True)
        log_uncaught()
        self.cfg = cfg
        self.error_log.propagate = True
        self._lines: AccessLog | None = None
        if settings.ACCESS_LOG:
            self._lines = AccessLog(settings.LOG_FORMAT, self.error_log.getEffectiveLevel())

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Leave out the text of an invalid request: it may contain an address or a token."""
        error = sys.exception()
        if error is not None and msg.startswith("Invalid request from ip="):
            msg, args = "Request refused: %s", (type(error).__name__,)
        super().warning(msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Leave out the query of a URL."""
        super().exception(msg, *(str(arg).partition("?")[0] for arg in args), **kwargs)

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """Write the line of a request and end its span, after its last byte is sent."""
        noted = request_notes.noted(environ)
        finish_span = noted.get("finish_span")
        if self._lines is None and finish_span is None:
            return
        try:
            facts = describe_request(resp, req, noted, request_time.total_seconds())
            if self._lines is not None:
                self._lines.write(facts)
            if finish_span is not None:
                finish_span(facts, noted.get("path_template"))
        except Exception:
            self.error_log.exception("A request could not be logged")
