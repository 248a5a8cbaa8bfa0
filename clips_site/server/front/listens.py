"""Reports of listens in the event loop: those that continue a listen. Django answers all others.

A listener sends several reports a minute, and most of them are such reports.
"""

import re
import time
from io import BytesIO
from typing import Any

import psycopg
from django.conf import settings

from clips_site.server.front.bodies import received
from clips_site.server.front.database import Database
from clips_site.server.front.exchange import Exchange, joined, limited_client, scheme
from clips_site.server.front.reply import Headers, Reply, whole_reply
from clips_site.server.front.site_headers import is_served_here, of_any_site, site_headers
from clips_site.server.front.wsgi import Django
from library.api.early_look import EarlyLook
from library.api.listen_reports import quick_report
from library.api.throttles import count_quickly
from library.listens.record import Outcome
from library.plays.client_families import client_family
from library.telemetry import http_requests

PATH = re.compile(r"/api/v1/clips/([0-9]{1,18})/listens")
ROUTE, TEMPLATE = "clip-listens", r"api/v1/^clips/(?P<pk>[0-9]{1,18})/listens$"
HEADERS = (("Allow", "POST, OPTIONS"), ("Cache-Control", "no-store"))
TYPES = ("", "text/plain", "application/json")


class Listens:
    """Answers reports of players."""

    def __init__(self, django: Django, database: Database) -> None:
        self._django = django
        self._database = database

    async def reply(self, exchange: Exchange) -> Reply | None:
        """Return the response, or None if the request is for another path or needs Django anyway.

        A report that is recorded twice, by Django after a failure here, counts once.
        """
        request = exchange.request
        found = PATH.fullmatch(exchange.path)
        if found is None or request.method != "POST" or not is_served_here(exchange):
            return None
        length = request.content_length or 0
        if not 0 < length <= settings.CLIPS_LISTEN_MAX_BYTES:
            return None
        async with received(exchange) as body:
            report = None
            if isinstance(body, BytesIO) and _is_plain(exchange):
                report = quick_report(body.getvalue())
            limits = None if report is None else count_quickly("listens", limited_client(exchange))
            if report is None or limits is None:
                return await self._django.reply_to(exchange, body)
            clip_id = int(found[1])
            if await self._continues(clip_id, report):
                return _recorded(exchange, clip_id, limits)
            counted = EarlyLook(awaits_body=False, limits=dict(limits))
            return await self._django.reply_to(exchange, body, counted)

    async def _continues(self, clip_id: int, report: Any) -> bool:
        """Record a report if it continues a listen, and return whether it does."""
        try:
            return await self._database.listen(clip_id, report) == Outcome.CONTINUED
        except psycopg.Error:  # Django tries again, with another connection
            return False


def _recorded(exchange: Exchange, clip_id: int, limits: Headers) -> Reply:
    """Return the response to a report that continues a listen."""
    exchange.notes.update(route=ROUTE, path_template=TEMPLATE, clip=clip_id)
    seconds = time.perf_counter() - exchange.began
    http_requests.count(ROUTE, scheme(exchange.request), "POST", 204, seconds)
    headers = dict((*HEADERS, *site_headers(exchange), *of_any_site(exchange), *limits))
    return whole_reply(204, tuple(headers.items()), b"")


def _is_plain(exchange: Exchange) -> bool:
    """Return whether the body is the text of a report, and not from a crawler."""
    request = exchange.request
    media_type = (joined(request, "Content-Type") or "").partition(";")[0].strip().lower()
    if media_type not in TYPES or "Content-Encoding" in request.headers:
        return False
    return client_family(joined(request, "User-Agent") or "") != "bot"
