"""An id for every request: in its answer, and in every line that is logged while it is handled."""

import re
from contextvars import ContextVar
from logging import LogRecord
from uuid import uuid4

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from clips_site.middleware import Handler

HEADER = "X-Request-ID"
# What a proxy or client may name its request, and a log line or header may safely hold.
_SANE = re.compile(r"[A-Za-z0-9._:/+=@~-]{1,64}")
# Set anew with every request of a thread and never cleared: a body is still sent, and may log,
# when the middlewares are done.
_current: ContextVar[str] = ContextVar("request_id", default="")


def begin(given: str | None = None) -> str:
    """Name the request that this thread handles from now on: as it asks, or by a random id."""
    name = given if given and _SANE.fullmatch(given) else uuid4().hex
    _current.set(name)
    return name


def add_to_record(record: LogRecord) -> bool:
    """A logging filter that drops nothing: gives a record its `request`, in brackets or empty."""
    name = _current.get()
    record.request_name = f" [{name}]" if name else ""
    return True


class RequestIdMiddleware:
    """Stands first, so that what the others log and answer has the id too."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Name the request, and its answer."""
        name = begin(request.headers.get(HEADER))
        response = self.get_response(request)
        response.headers[HEADER] = name
        return response
