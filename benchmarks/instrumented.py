"""Ways to answer requests in this process: measured, not measured, and measured part by part."""

import io
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from wsgiref.util import FileWrapper

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db.backends.postgresql.base import Cursor
from django.test import override_settings

from clips_site import gunicorn_conf
from clips_site.postgresql.base import DatabaseWrapper, measured
from library.api import stream
from library.metrics import adder, http_requests_in_progress
from library.monitoring import RequestMetricsMiddleware

NOWHERE = os.open(os.devnull, os.O_WRONLY)
METRICS = "library.monitoring.RequestMetricsMiddleware"


class Stopwatch:
    """Adds up how long functions take, in ns by name."""

    def __init__(self) -> None:
        self.spent: dict[str, int] = defaultdict(int)

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, whose time is added up."""

        def run(*args: Any, **options: Any) -> Any:
            began = time.perf_counter_ns()
            result = function(*args, **options)
            self.spent[name] += time.perf_counter_ns() - began
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


def timed_middleware(middleware: Any) -> Any:
    """A middleware whose time is added up, and with it apart that of what lies inside."""

    def make(get_response: Callable[..., Any]) -> Callable[..., Any]:
        return WATCH.timed("middleware", middleware(WATCH.timed("view", get_response)))

    return make


def timed_meter(meter: Any) -> Any:
    """A stream's meter whose time is added up."""
    methods = {name: WATCH.timed("stream", getattr(meter, name)) for name in ("start", "finish")}
    return type("TimedMeter", (meter,), methods)


def timed_cursor(make: Callable[[Any], Any]) -> Any:
    """A cursor made of another, whose time is added up, and apart that of the other."""
    plain: Any = Cursor
    inner = type("Inner", (plain,), {"execute": WATCH.timed("PostgreSQL", plain.execute)})
    outer = make(inner)
    return type("Outer", (outer,), {"execute": WATCH.timed("statements", outer.execute)})


def measured_cursor(cursor: Any) -> Any:
    """As the service's connections make them."""
    return measured(cursor, "default", "postgresql")


def layered_cursor(cursor: Any) -> Any:
    """A cursor made of another, as the measured one is, that does nothing."""
    return type("Layered", (cursor,), {})


timed_metrics = timed_middleware(RequestMetricsMiddleware)
timed_nothing = timed_middleware(NoMiddleware)


def nothing(*_: object) -> None:
    """A hook that does nothing."""


class Way:
    """A way to answer requests in this process."""

    cursors: type[Cursor] = Cursor  # of the way that answers

    def __init__(self, middleware: str | None, meter: Any, cursors: type[Cursor]) -> None:
        """`middleware` is a path in the manner of Django's settings; hooks come with it."""
        others = [name for name in settings.MIDDLEWARE if name != METRICS]
        with override_settings(MIDDLEWARE=[middleware, *others] if middleware else others):
            self._application: Any = WSGIHandler()
        self._meter, self._cursors = meter, cursors
        self._worker = SimpleNamespace(add_in_progress=adder(http_requests_in_progress))
        self.begin: Callable[..., None] = gunicorn_conf.pre_request
        self.end: Callable[..., None] = gunicorn_conf.post_request
        if middleware is None:
            self.begin = self.end = nothing

    def ask(self, path: str) -> None:
        """One request, its body sent to nowhere; `path` may be followed by `#` and a range."""
        Way.cursors = self._cursors
        stream.StreamMeter = self._meter  # type: ignore[attr-defined]
        environ = _environ(path)
        statuses: list[str] = []
        self.begin(self._worker, None)
        response = self._application(environ, lambda status, *_: statuses.append(status))
        if isinstance(response, FileWrapper):
            file: Any = response.filelike
            file.seek(os.sendfile(NOWHERE, file.fileno(), 0, 1 << 24))  # so socket.sendfile ends
        else:
            b"".join(response)
        response.close()
        self.end(self._worker, None, environ, None)
        assert statuses[0].startswith("20"), statuses


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
