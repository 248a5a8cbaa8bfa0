"""The log's line for each request, when its last byte has been sent or the client has left.

It names no client: no address, no user agent. Nor the query: who puts a token there by mistake must
not find it in the log.
"""

import logging
import sys
import time
from contextlib import suppress
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from clips_site.middleware import PROBES, Handler
from clips_site.server.logs.formatting import ACCESS, beginning, renderer
from clips_site.server.logs.request_ids import HEADER, begin
from library.telemetry import request_notes


class AccessMiddleware:
    """Names each request, and notes what of it only Django knows.

    Stands first, so that what the others log and answer has the name too.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Note the view, the clip, the code of an error, and when the answer was ready to leave."""
        began = time.perf_counter()
        given = request.META.get
        name = begin(
            given("HTTP_X_REQUEST_ID"), given("HTTP_TRACEPARENT"), given("HTTP_TRACESTATE")
        )
        response = self.get_response(request)
        response.headers[HEADER] = name
        noted = request_notes.noted(request.META)
        noted["first_byte"] = round(time.perf_counter() - began, 6)
        if match := request.resolver_match:
            noted["route"], noted["path_template"] = match.view_name, match.route
            if str(pk := match.kwargs.get("pk", "")).isdecimal():
                noted["clip"] = int(pk)
        if response.status_code >= 400 and (code := _code(response)):
            noted["code"] = code
        return response


def _code(response: HttpResponseBase) -> str | None:
    """The `code` of an error's JSON."""
    body = getattr(response, "data", None)  # of DRF
    if body is None and isinstance(response, HttpResponse):
        if response.headers.get("Content-Type") != "application/json":
            return None
        with suppress(orjson.JSONDecodeError):
            body = orjson.loads(response.content)
    return str(body["code"]) if isinstance(body, dict) and "code" in body else None


class AccessLog:
    """Writes the lines, by neither `logging` nor structlog: those take several times as long."""

    def __init__(self, style: str, level: int) -> None:
        """`style` and `level` are those of the other lines."""
        self._render, self._level = renderer(style), level

    def write(self, facts: dict[str, Any]) -> None:
        """Write the line of a request, whole and at once."""
        level, name = logging.INFO, "info"
        if facts["path"] in PROBES:  # what makes the service unready is logged once, by `health`
            level, name = logging.DEBUG, "debug"
        elif facts["status"] >= 500:
            level, name = logging.WARNING, "warning"
        if level >= self._level:
            line = beginning(time.time(), name, ACCESS, "request")
            line.update(facts)
            sys.stderr.write(self._render(line) + "\n")


def facts_of(resp: Any, req: Any, noted: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What there is to tell of gunicorn's request that has ended; durations in seconds.

    `bytes` are those of the body that were handed to the network, left out where nobody knows.
    """
    stream = noted.get("stream")
    facts = {
        "method": req.method,
        "path": req.path,  # as it was sent, so of printable ASCII: it cannot forge a line
        "status": resp.status_code,
        "route": noted.get("route"),
        "clip": noted.get("clip"),
        "outcome": stream.outcome if stream else noted.get("outcome"),
        "play": noted.get("play"),
        "code": noted.get("code"),
        "bytes": _sent(resp, req, stream),
        "duration": round(seconds, 6),
        "first_byte": noted.get("first_byte"),
    }
    return {name: fact for name, fact in facts.items() if fact is not None}


def _sent(resp: Any, req: Any, stream: Any) -> int | None:
    if stream is not None:
        return int(stream.sent)
    if resp.sent or req.method == "HEAD" or resp.status_code in (204, 304):
        return int(resp.sent)
    if sys.exception():  # sendfile, which is not counted, was broken off
        return None
    return resp.response_length or 0
