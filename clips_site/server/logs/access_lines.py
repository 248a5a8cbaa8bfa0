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
from clips_site.server.logs.request_ids import HEADER, begin
from library.telemetry import request_notes


class AccessMiddleware(Middleware):
    """Gives each request its id, and notes the facts for its line that only Django knows.

    It comes first, so that the id is in everything that other middleware logs and answers.
    """

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        given = request.META.get
        request_id = begin(
            given("HTTP_X_REQUEST_ID"), given("HTTP_TRACEPARENT"), given("HTTP_TRACESTATE")
        )
        response = self.get_response(request)
        response.headers[HEADER] = request_id
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
        if facts["path"] in PROBES:  # `health` logs once why the service is not ready
            level, name = logging.DEBUG, "debug"
        elif facts["status"] >= 500:
            level, name = logging.WARNING, "warning"
        if level >= self._level:
            line = first_fields(time.time(), name, ACCESS, "request")
            line.update(facts)
            sys.stderr.write(self._render(line) + "\n")  # in one piece


def describe_request(resp: Any, req: Any, noted: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return the facts of a completed request, given as gunicorn's objects. Times are in seconds.

    `bytes` counts bytes of the body handed to the network; it is left out if unknown.
    """
    stream = noted.get("stream")
    facts = {
        "method": req.method,
        "path": req.path,  # as sent, so printable ASCII: it cannot forge a line
        "status": resp.status_code,
        "route": noted.get("route"),
        "clip": noted.get("clip"),
        "outcome": stream.outcome if stream else noted.get("outcome"),
        "play": noted.get("play"),
        "code": noted.get("code"),
        "bytes": _bytes_sent(resp, req, stream),
        "duration": round(seconds, 6),
        "first_byte": noted.get("first_byte"),
    }
    return {name: fact for name, fact in facts.items() if fact is not None}


def _bytes_sent(resp: Any, req: Any, stream: Any) -> int | None:
    if stream is not None:
        return int(stream.sent)
    if resp.sent or req.method == "HEAD" or resp.status_code in (204, 304):
        return int(resp.sent)
    if sys.exception():  # an interrupted sendfile, which gunicorn does not count
        return None
    return resp.response_length or 0
