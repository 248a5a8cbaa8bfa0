"""The service's WSGI application in this process, with chosen instrumentation."""

import io
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Self
from wsgiref.util import FileWrapper

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db.backends.postgresql.base import Cursor
from django.test import override_settings

from clips_site.database.postgresql.base import DatabaseWrapper, measured
from clips_site.server import gunicorn_conf
from clips_site.server.logs.access_lines import AccessLog
from clips_site.server.worker import Logger
from library.api import stream
from library.telemetry.instruments import adder, http_requests_in_progress

NULL_DEVICE = os.open(os.devnull, os.O_WRONLY)
METRICS = ["library.telemetry.http_requests.RequestMetricsMiddleware"]
LOG = ["clips_site.server.logs.access_lines.AccessMiddleware"]


def measured_cursor(cursor: Any) -> Any:
    """Return the cursor with metrics, as the service's connections use it."""
    return measured(cursor, "default", "postgresql")


def nothing(*_: object) -> None:
    """A hook that does nothing."""


@contextmanager
def piped_stderr() -> Iterator[None]:
    """Connect standard error to a pipe with a reader, as it is in a container."""
    terminal = sys.stderr
    with (
        subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as reader,
        open(reader.stdin.fileno(), "w", buffering=1, closefd=False) as pipe,  # type: ignore[union-attr]
    ):
        sys.stderr = pipe
        try:
            yield
        finally:
            sys.stderr = terminal


class Application:
    """The WSGI application with these middlewares (paths), this stream meter and these cursors.

    It has no gunicorn hooks and writes no log line unless they are added.
    """

    cursors: type[Cursor] = Cursor  # of the application that runs

    def __init__(self, middlewares: list[str], meter: Any, cursors: type[Cursor]) -> None:
        others = [name for name in settings.MIDDLEWARE if name not in LOG + METRICS]
        with override_settings(MIDDLEWARE=middlewares + others):
            self._application: Any = WSGIHandler()
        self._meter, self._cursors = meter, cursors
        self._worker = SimpleNamespace(add_in_progress=adder(http_requests_in_progress))
        self.begin: Callable[..., None] = nothing
        self.end: Callable[..., None] = nothing
        self.log: Callable[..., None] = nothing

    def with_hooks(self) -> Self:
        """Add the service's gunicorn hooks."""
        self.begin, self.end = gunicorn_conf.pre_request, gunicorn_conf.post_request
        return self

    def with_log_lines(self) -> Self:
        """Add the line that gunicorn logs for each request."""
        self.log = Logger.access.__get__(
            SimpleNamespace(
                _lines=AccessLog("json", logging.INFO), error_log=logging.getLogger(__name__)
            )
        )
        return self

    def request(self, path: str) -> None:
        """Process a request and discard the body; `path` may end in `#` and a range."""
        Application.cursors = self._cursors
        stream.StreamMeter = self._meter  # type: ignore[attr-defined]
        environ = _environ(path)
        answer = SimpleNamespace(status_code=0, sent=0, response_length=0)
        request = SimpleNamespace(method="GET", path=environ["PATH_INFO"])

        def start(status: str, *_: Any) -> None:
            answer.status_code = int(status[:3])

        self.begin(self._worker, None)
        response = self._application(environ, start)
        if isinstance(response, FileWrapper):
            file: Any = response.filelike
            # socket.sendfile moves the file's position to the end of the sent data
            file.seek(os.sendfile(NULL_DEVICE, file.fileno(), 0, 1 << 24))
        else:
            answer.sent = len(b"".join(response))
        response.close()
        self.log(answer, request, environ, timedelta(milliseconds=2.5))
        self.end(self._worker, None, environ, None)
        assert answer.status_code in (200, 206), answer.status_code


def _environ(path: str) -> dict[str, Any]:
    path, _, byte_range = path.partition("#")
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "HTTP_USER_AGENT": "a listener",
        **({"HTTP_RANGE": byte_range} if byte_range else {}),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.file_wrapper": FileWrapper,
    }


def use_cursors_of_application() -> None:
    """Make connections that leave the pool use the cursors of the application that runs."""
    connect = DatabaseWrapper.get_new_connection

    def get_new_connection(wrapper: DatabaseWrapper, parameters: dict[str, Any]) -> Any:
        connection = connect(wrapper, parameters)
        connection.cursor_factory = Application.cursors
        return connection

    DatabaseWrapper.get_new_connection = get_new_connection  # type: ignore[assignment,method-assign]
