"""Timed versions of the instrumentation's parts, and parts that do nothing for comparison."""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from django.db.backends.postgresql.base import Cursor

from clips_site.server.logs.access_lines import AccessMiddleware
from library.telemetry.http_requests import RequestMetricsMiddleware


class Stopwatch:
    """Adds up the duration of functions in ns, by name."""

    def __init__(self) -> None:
        self.spent: dict[str, int] = defaultdict(int)

    def timed(self, name: str, function: Callable[..., Any], sign: int = 1) -> Callable[..., Any]:
        """Return the function with its duration added (or, with sign -1, subtracted)."""

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
    """Return a middleware with its time added up, without that of the layers inside it."""

    def make(get_response: Callable[..., Any]) -> Callable[..., Any]:
        return WATCH.timed(name, middleware(WATCH.timed(name, get_response, -1)))

    return make


def timed_meter(meter: Any) -> Any:
    """Return a stream's meter with its time added up."""
    methods = {name: WATCH.timed("stream", getattr(meter, name)) for name in ("start", "finish")}
    return type("TimedMeter", (meter,), methods)


def timed_cursor(derive: Callable[[Any], Any]) -> Any:
    """Return a cursor derived from Django's. It adds up the time that the derived class takes."""
    plain: Any = Cursor
    inner = type("Inner", (plain,), {"execute": WATCH.timed("statements", plain.execute, -1)})
    outer = derive(inner)
    return type("Outer", (outer,), {"execute": WATCH.timed("statements", outer.execute)})


def layered_cursor(cursor: Any) -> Any:
    """Return a subclass of the cursor that does nothing, for comparison with the measured one."""
    return type("Layered", (cursor,), {})


timed_log = timed_middleware("request id, notes", AccessMiddleware)
timed_no_log = timed_middleware("request id, notes", NoMiddleware)
timed_metrics = timed_middleware("middleware", RequestMetricsMiddleware)
timed_no_metrics = timed_middleware("middleware", NoMiddleware)
TIMED = [f"{__name__}.timed_log", f"{__name__}.timed_metrics"]
TIMED_NOTHING = [f"{__name__}.timed_no_log", f"{__name__}.timed_no_metrics"]
