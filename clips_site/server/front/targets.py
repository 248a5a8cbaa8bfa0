"""The forms of a request target (RFC 9112, section 3.2) besides a path and query."""

import time

from rest_framework.exceptions import MethodNotAllowed

from clips_site.server.front.exchange import Exchange, scheme
from clips_site.server.front.reply import Reply, whole_reply
from clips_site.server.front.site_headers import is_allowed, site_headers
from library.api import protocol_errors as errors
from library.api.errors import BadRequest
from library.telemetry import http_requests

SERVICE = "*"  # the target of OPTIONS for the service as a whole (RFC 9110, section 9.3.7)
ALLOW = ("Allow", "GET, HEAD, POST, PATCH, DELETE, OPTIONS")


def check_target(exchange: Exchange) -> None:
    """Raise an APIException if the target has no meaning here."""
    request = exchange.request
    if request.method == "CONNECT":  # only proxies have it
        raise MethodNotAllowed("CONNECT")
    if request.raw_path == SERVICE:
        if request.method != "OPTIONS":
            raise errors.FirstLineInvalid
        if not is_allowed(request.headers.get("Host", "")):
            raise BadRequest
    elif exchange.is_absolute and not is_allowed(exchange.host):
        raise errors.MisdirectedRequest


def about_service(exchange: Exchange) -> Reply | None:
    """Return the response to `OPTIONS *`, or None if the request is another one."""
    request = exchange.request
    if request.raw_path != SERVICE:
        return None
    seconds = time.perf_counter() - exchange.began
    http_requests.count(None, scheme(request), request.method, 204, seconds)
    return whole_reply(204, (ALLOW, ("Cache-Control", "no-store"), *site_headers(exchange)), b"")
