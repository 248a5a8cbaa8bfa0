"""An id for every request, in its response and in every line logged while it is handled."""

import os
import re
from contextvars import ContextVar

from library.telemetry import trace_context

HEADER = "X-Request-ID"
REQUEST_ID = "clips.request_id"  # key in the WSGI environment, if the front has given the id
# Ids that are accepted from a proxy or client, safe in a log line and in a header.
_SAFE = re.compile(r"[A-Za-z0-9._:/+=@~-]{1,64}")
# Each request of a thread replaces it, and nothing clears it: a body is still sent, and may log,
# after the middleware is done.
_current: ContextVar[str] = ContextVar("request_id", default="")


def begin(
    given: str | None = None, traceparent: str | None = None, tracestate: str | None = None
) -> str:
    """Return the id of the request that this thread handles from now on: `given`, or a random one.

    Continue the trace that the request belongs to, if it names one.
    """
    request_id = given if given and _SAFE.fullmatch(given) else os.urandom(16).hex()
    _current.set(request_id)
    trace_context.continue_trace(traceparent, tracestate)
    return request_id


def current() -> str:
    """Return the id of the request that this thread handles; empty before its first."""
    return _current.get()
