"""GET /livez in the event loop, which answers it whatever the threads of Django are doing."""

import time

from clips_site.server.front.exchange import Exchange, scheme
from clips_site.server.front.reply import Reply, whole_reply
from clips_site.server.front.site_headers import site_headers
from library.probes.health import ALIVE, NO_STORE
from library.telemetry import http_requests

PATH, ROUTE = "/livez", "livez"


def reply(exchange: Exchange) -> Reply | None:
    """Return the response, or None if the request is for Django."""
    request = exchange.request
    if exchange.path != PATH or request.method not in ("GET", "HEAD"):
        return None
    exchange.notes.update(route=ROUTE, path_template=ROUTE)
    seconds = time.perf_counter() - exchange.began
    http_requests.count(ROUTE, scheme(request), request.method, 200, seconds)
    headers = (("Content-Type", "application/json"), *NO_STORE.items(), *site_headers(exchange))
    return whole_reply(200, headers, ALIVE)
