"""One request and its answer: its id, metrics and access-log line."""

import logging
import re
import time
from typing import Any

from aiohttp.web import BaseRequest

from clips_site import settings
from clips_site.middleware import PROBES
from clips_site.server.front.reply import Reply
from clips_site.server.logs.access_lines import AccessLog, describe_request
from clips_site.server.logs.request_ids import REQUEST_ID, begin
from library.client_address import client_network
from library.telemetry import http_requests, request_notes
from library.telemetry.http_requests import BEGAN
from library.telemetry.instruments import adder, http_requests_in_progress

logger = logging.getLogger(__name__)

if settings.TRACING:
    from clips_site.server import tracing
else:
    tracing = None  # type: ignore[assignment]
_BEHIND_PROXY = bool(settings.CLIPS_TRUSTED_PROXIES)
_add_in_progress = adder(http_requests_in_progress)
# A request target in absolute form (RFC 9112, section 3.2.2): authority without user, and path.
_ABSOLUTE = re.compile(r"https?://(?:[^/@]*@)?([^/]*)(.*)", re.IGNORECASE)


class Exchange:
    """The facts about one request, collected until its last byte is sent or its client leaves.

    `notes` is the dictionary of `library.telemetry.request_notes`. Make an exchange in the task
    that handles the request: its log lines have the request's id from then on.
    """

    __slots__ = ("began", "host", "is_absolute", "notes", "path", "query", "request", "request_id")

    def __init__(self, request: BaseRequest) -> None:
        self.began = time.perf_counter()
        self.request = request
        given = request.headers.get
        self.request_id = begin(
            given("X-Request-ID"), given("traceparent"), joined(request, "tracestate")
        )
        self.path, _, self.query = request.raw_path.partition("?")
        self.host = given("Host", "")
        self.is_absolute = not self.path.startswith("/")
        if self.is_absolute:  # or another form that no client of an origin server sends
            found = _ABSOLUTE.fullmatch(self.path)
            self.host, path = found.groups() if found else ("", "")
            self.path = "/" + path.lstrip("/")
        self.notes: dict[str, Any] = {}
        if tracing is not None and self.path not in PROBES:
            tracing.start_request(self.notes, request.method, scheme(request))
        _add_in_progress(1)

    def environment(self) -> dict[str, Any]:
        """Return the facts that Django needs from the front, for its WSGI environment."""
        return {
            request_notes.KEY: self.notes,
            REQUEST_ID: self.request_id,
            BEGAN: self.began,
        }

    def note_first_byte(self) -> None:
        """Note the time until the first byte of the response, which is sent now."""
        self.notes["first_byte"] = round(time.perf_counter() - self.began, 6)

    def end(self, status: int, sent: int | None, log: AccessLog | None) -> None:
        """Write the request's line and end its span. `sent` counts bytes of the body, if known."""
        _add_in_progress(-1)
        finish_span = self.notes.get("finish_span")
        if log is None and finish_span is None:
            return
        seconds = time.perf_counter() - self.began
        method, path = self.request.method, self.path
        try:
            facts = describe_request(method, path, status, self.notes, sent, seconds)
            if log is not None:
                log.write(facts)
            if finish_span is not None:
                finish_span(facts, self.notes.get("path_template"))
        except Exception:
            logger.exception("A request could not be logged")


def write_refusal(reply: Reply, code: str, reason: str, log: AccessLog | None) -> None:
    """Count and log a request that could not be parsed: nothing of it is certain."""
    http_requests.count(None, "http", None, reply.status, 0.0)
    if log is not None:
        notes = {"code": code, "refused": reason}
        log.write(describe_request("-", "-", reply.status, notes, len(reply.body), 0.0))


def joined(request: BaseRequest, name: str) -> str | None:
    """Return a header field; the values of repeated fields are joined (RFC 9110, section 5.3)."""
    values = request.headers.getall(name, ())
    if not values:
        return None
    value = values[0] if len(values) == 1 else ",".join(values)
    # Like WSGI, read bytes outside ASCII as Latin-1 (PEP 3333).
    return value if value.isascii() else value.encode(errors="surrogateescape").decode("latin-1")


def scheme(request: BaseRequest) -> str:
    """Return `https` if the trusted proxy in front reports it, else `http`."""
    forwarded = request.headers.get("X-Forwarded-Proto", "") if _BEHIND_PROXY else ""
    return "https" if forwarded.partition(",")[0].strip() == "https" else "http"


def limited_client(exchange: Exchange) -> str | None:
    """Return the client whose requests are limited, or None."""
    if not settings.CLIPS_THROTTLE:
        return None
    request = exchange.request
    forwarded = joined(request, "X-Forwarded-For") or ""
    network = client_network(request.remote or "", forwarded, settings.CLIPS_TRUSTED_PROXIES)
    return str(network) if network else None
