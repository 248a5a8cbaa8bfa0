"""The access log: one line per request, written once its response is sent or its client has left.

A line contains no address, no user agent and no query: a token sent there by mistake must not reach
the log.
"""

import logging
import sys
import time
from contextlib import suppress
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from clips_site.middleware import PROBES, Middleware
from clips_site.server.logs.formatting import ACCESS, first_fields, line_renderer
from clips_site.server.logs.request_ids import HEADER, REQUEST_ID, begin
from library.telemetry import request_notes

LONGEST_PATH = 500  # characters


class AccessMiddleware(Middleware):
    """Gives each request its id, and notes the facts for its line that only Django knows.

    It comes first, so that the id is in everything that other middleware logs and answers. A
    request that comes through the front has its id already.
    """

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.META.get
        request_id = given(REQUEST_ID) or begin(
            given("HTTP_X_REQUEST_ID"), given("HTTP_TRACEPARENT"), given("HTTP_TRACESTATE")
        )
        response = self.get_response(request)
        response.headers[HEADER] = request_id
        noted = request_notes.noted(request.META)
        if match := request.resolver_match:
            noted["route"], noted["path_template"] = match.view_name, match.route
            if str(pk := match.kwargs.get("pk", "")).isdecimal():
                noted["clip"] = int(pk)
        if response.status_code >= 400 and (code := _code(response)):
            noted["code"] = code
        return response


def _code(response: HttpResponseBase) -> str | None:
    body = getattr(response, "data", None)  # of DRF
    if body is None and isinstance(response, HttpResponse):
        if response.headers.get("Content-Type") != "application/json":
            return None
        with suppress(orjson.JSONDecodeError):
            body = orjson.loads(response.content)
    return str(body["code"]) if isinstance(body, dict) and "code" in body else None


class AccessLog:
    """Writes the lines without `logging` and structlog, which take several times as long."""

    def __init__(self, style: str, level: int) -> None:
        self._render, self._level = line_renderer(style), level

    def write(self, facts: dict[str, Any]) -> None:
        level, name = logging.INFO, "info"
        if facts["path"] in PROBES and not 400 <= facts["status"] < 500:
            level, name = logging.DEBUG, "debug"  # `health` logs once why it is not ready
        elif facts["status"] >= 500 or "refused" in facts:
            level, name = logging.WARNING, "warning"
        if level >= self._level:
            line = first_fields(time.time(), name, ACCESS, "request")
            line.update(facts)
            sys.stderr.write(self._render(line) + "\n")  # in one piece


def describe_request(
    method: str,
    path: str,
    status: int,
    noted: dict[str, Any],
    sent: int | None,
    seconds: float,
) -> dict[str, Any]:
    """Return the facts of a completed request. `seconds` is how long it took.

    `sent` counts bytes of the body handed to the network; None if unknown. `path` is as the client
    sent it, so it is printable ASCII and cannot forge a line.
    """
    facts = {
        "method": method,
        "path": path if len(path) <= LONGEST_PATH else f"{path[:LONGEST_PATH]}...",
        "status": status,
        "route": noted.get("route"),
        "clip": noted.get("clip"),
        "outcome": noted.get("outcome"),
        "play": noted.get("play"),
        "code": noted.get("code"),
        "refused": noted.get("refused"),
        "bytes": sent,
        "duration": round(seconds, 6),
        "first_byte": noted.get("first_byte"),
    }
    return {name: fact for name, fact in facts.items() if fact is not None}
