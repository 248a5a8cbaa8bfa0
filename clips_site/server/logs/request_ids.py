"""An id for every request: in its answer, and in every line that is logged while it is handled."""

import os
import re
from contextvars import ContextVar

from library.telemetry import trace_context

HEADER = "X-Request-ID"
# What a proxy or client may name its request, and a log line or header may safely hold.
_SANE = re.compile(r"[A-Za-z0-9._:/+=@~-]{1,64}")
# Set anew with every request of a thread and never cleared: a body is still sent, and may log,
# when the middlewares are done.
_current: ContextVar[str] = ContextVar("request_id", default="")


def begin(
    given: str | None = None, traceparent: str | None = None, tracestate: str | None = None
) -> str:
    """Name the request that this thread handles from now on: as it asks, or by a random id.

    And take up the trace that it belongs to, if it names one.
    """
    name = given if given and _SANE.fullmatch(given) else os.urandom(16).hex()
    _current.set(name)
    trace_context.continue_trace(traceparent, tracestate)
    return name


def current() -> str:
    """The name of the request that this thread handles; empty before its first."""
    return _current.get()
