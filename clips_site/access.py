"""The log's line for each request, when its last byte has been sent or the client has left.

It names no client: no address, no user agent. Nor the query: who puts a token there by mistake must
not find it in the log.
"""

import sys
import time
from contextlib import suppress
from typing import Any

import orjson
import structlog
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from clips_site.logs import ACCESS, processors, timestamp
from clips_site.middleware import PROBES, Handler
from library import access_log


class AccessMiddleware:
    """Notes what of a request only Django knows."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Note the view, the clip, the code of an error, and when the answer was ready to leave."""
        began = time.perf_counter()
        response = self.get_response(request)
        facts: dict[str, object] = {"first_byte": round(time.perf_counter() - began, 6)}
        if match := request.resolver_match:
            facts["route"], facts["path_template"] = match.view_name, match.route
            if str(pk := match.kwargs.get("pk", "")).isdecimal():
                facts["clip"] = int(pk)
        if response.status_code >= 400 and (code := _code(response)):
            facts["code"] = code
        access_log.note(request.META, **facts)
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
    """Writes the lines, not by `logging`: that takes three times as long."""

    def __init__(self, style: str, level: int) -> None:
        """`style` and `level` are those of the other lines."""
        self._log: Any = structlog.wrap_logger(
            structlog.WriteLogger(sys.stderr),
            processors=[_stamp, *processors(style)],
            wrapper_class=structlog.make_filtering_bound_logger(level),
        ).bind()

    def write(self, facts: dict[str, Any]) -> None:
        """Write the line of a request."""
        if facts["path"] in PROBES:  # what makes the service unready is logged once, by `health`
            self._log.debug("request", **facts)
        elif facts["status"] >= 500:
            self._log.warning("request", **facts)
        else:
            self._log.info("request", **facts)


def facts_of(resp: Any, req: Any, environ: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What there is to tell of gunicorn's request that has ended; durations in seconds.

    `bytes` are those of the body that were handed to the network, left out where nobody knows.
    """
    noted = access_log.noted(environ)
    stream = noted.get("stream")
    facts = {
        "method": req.method,
        "path": req.path,  # as it was sent, so of printable ASCII: it cannot forge a line
        "status": int(resp.status[:3]),
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
    if resp.sent or req.method == "HEAD" or int(resp.status[:3]) in (204, 304):
        return int(resp.sent)
    if sys.exception():  # sendfile, which is not counted, was broken off
        return None
    return resp.response_length or 0


def _stamp(_logger: Any, method: str, event: Any) -> Any:
    event.update(timestamp=timestamp(time.time()), level=method, logger=ACCESS)
    return event
