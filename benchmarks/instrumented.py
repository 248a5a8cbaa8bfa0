"""Ways to answer requests in this process: measured, not measured, and measured part by part."""

import io
import logging
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from wsgiref.util import FileWrapper

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db.backends.postgresql.base import Cursor
from django.test import override_settings

from clips_site.database.postgresql.base import DatabaseWrapper, measured
from clips_site.server import gunicorn_conf
from clips_site.server.logs.access_lines import AccessLog, AccessMiddleware
from clips_site.server.worker import Logger
from library.api import stream
from library.telemetry.http_requests import RequestMetricsMiddleware
from library.telemetry.instruments import adder, http_requests_in_progress

NOWHERE = os.open(os.devnull, os.O_WRONLY)
METRICS = ["library.telemetry.http_requests.RequestMetricsMiddleware"]
LOG = ["clips_site.server.logs.access_lines.AccessMiddleware"]


class Stopwatch:
    """Adds up how long functions take, in ns by name."""

    def __init__(self) -> None:
        self.spent: dict[str, int] = defaultdict(int)

    def timed(self, name: str, function: Callable[..., Any], sign: int = 1) -> Callable[..., Any]:
        """The function, whose time is added up, or taken off."""

        def run(*args: Any, **options: Any) -> Any:
            began = time.perf_counter_ns()
            result = function(*args, **options)
            self.spent[name] += sign * (time.perf_counter_ns() - began)
            return result

        return run


WATCH = Stopwatch()


class NoMeter:
    """A stream's meter that does nothing."""

    def __init__(self, began: float | None) -> None: ...

    def start(self) -> None: ...

    def finish(self, sent: int, outcome: str) -> None: ...


class NoMiddleware:
    """A middleware that does nothing."""

    def __init__(self, get_response: Callable[..., Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        return self.get_response(request)


def timed_middleware(name: str, middleware: Any) -> Any:
    """A middleware whose time is added up, less that of what lies inside."""

    def make(get_response: Callable[..., Any]) -> Callable[..., Any]:
        return WATCH.timed(name, middleware(WATCH.timed(name, get_response, -1)))

    return make


def timed_meter(meter: Any) -> Any:
    """A stream's meter whose time is added up."""
    methods = {name: WATCH.timed("stream", getattr(meter, name)) for name in ("start", "finish")}
    return type("TimedMeter", (meter,), methods)


def timed_cursor(make: Callable[[Any], Any]) -> Any:
    """A cursor made of another, whose time is added up, less that of the other."""
    plain: Any = Cursor
    inner = type("Inner", (plain,), {"execute": WATCH.timed("statements", plain.execute, -1)})
    outer = make(inner)
    return type("Outer", (outer,), {"execute": WATCH.timed("statements", outer.execute)})


def measured_cursor(cursor: Any) -> Any:
    """As the service's connections make them."""
    return measured(cursor, "default", "postgresql")


def layered_cursor(cursor: Any) -> Any:
    """A cursor made of another, as the measured one is, that does nothing."""
    return type("Layered", (cursor,), {})


TIMED = ["benchmarks.instrumented.timed_log", "benchmarks.instrumented.timed_metrics"]
TIMED_NOTHING = ["benchmarks.instrumented.timed_no_log", "benchmarks.instrumented.timed_no_metrics"]
timed_log = timed_middleware("request id, notes", AccessMiddleware)
timed_no_log = timed_middleware("request id, notes", NoMiddleware)
timed_metrics = timed_middleware("middleware", RequestMetricsMiddleware)
timed_no_metrics = timed_middleware("middleware", NoMiddleware)


def nothing(*_: object) -> None:
    """A hook that does nothing."""


@contextmanager
def lines_read() -> Iterator[None]:
    """Standard error is a pipe that somebody reads, as it is in a container."""
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


class Way:
    """A way to answer requests in this process."""

    cursors: type[Cursor] = Cursor  # of the way that answers

    def __init__(self, middlewares: list[str], meter: Any, cursors: type[Cursor]) -> None:
        """`middlewares` are paths in the manner of Django's settings.

        Without hooks of gunicorn and without a line in the log, until it is given them.
        """
        others = [name for name in settings.MIDDLEWARE if name not in LOG + METRICS]
        with override_settings(MIDDLEWARE=middlewares + others):
            self._application: Any = WSGIHandler()
        self._meter, self._cursors = meter, cursors
        self._worker = SimpleNamespace(add_in_progress=adder(http_requests_in_progress))
        self.begin: Callable[..., None] = nothing
        self.end: Callable[..., None] = nothing
        self.log: Callable[..., None] = nothing

    def with_hooks(self) -> "Way":
        """Those that the service has."""
        self.begin, self.end = gunicorn_conf.pre_request, gunicorn_conf.post_request
        return self

    def with_lines(self) -> "Way":
        """As gunicorn has them written."""
        self.log = Logger.access.__get__(
            SimpleNamespace(
                _lines=AccessLog("json", logging.INFO), error_log=logging.getLogger(__name__)
            )
        )
        return self

    def ask(self, path: str) -> None:
        """One request, its body sent to nowhere; `path` may be followed by `#` and a range."""
        Way.cursors = self._cursors
        stream.StreamMeter = self._meter  # type: ignore[attr-defined]
        environ = _environ(path)
        answer = SimpleNamespace(status_code=0, sent=0, response_length=0)
        asked = SimpleNamespace(method="GET", path=environ["PATH_INFO"])

        def start(status: str, *_: Any) -> None:
            answer.status_code = int(status[:3])

        self.begin(self._worker, None)
        response = self._application(environ, start)
        if isinstance(response, FileWrapper):
            file: Any = response.filelike
            file.seek(os.sendfile(NOWHERE, file.fileno(), 0, 1 << 24))  # so socket.sendfile ends
        else:
            answer.sent = len(b"".join(response))
        response.close()
        self.log(answer, asked, environ, timedelta(milliseconds=2.5))
        self.end(self._worker, None, environ, None)
        assert answer.status_code in (200, 206), answer.status_code


def _environ(path: str) -> dict[str, Any]:
    path, _, asked_range = path.partition("#")
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
        **({"HTTP_RANGE": asked_range} if asked_range else {}),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.file_wrapper": FileWrapper,
    }


def let_ways_choose_cursors() -> None:
    """Have a connection that is taken from the pool make the cursors of the way that answers."""
    take = DatabaseWrapper.get_new_connection

    def get_new_connection(wrapper: DatabaseWrapper, parameters: dict[str, Any]) -> Any:
        taken = take(wrapper, parameters)
        taken.cursor_factory = Way.cursors
        return taken

    DatabaseWrapper.get_new_connection = get_new_connection  # type: ignore[assignment,method-assign]
