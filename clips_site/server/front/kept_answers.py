"""Answers that are kept, and sent again while nothing they show has changed.

They are answers of the API, feeds, and pages of the list. Before each use, one tiny query reads the
version of the data: for lists and changes that of the library, for a clip that of its row. Requests
that arrive at the same time share the query. It starts after they have arrived, so an answer shows
every change and every play committed before its request.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

import psycopg

from clips_site.server.front.database import Database
from clips_site.server.front.error_replies import error_reply
from clips_site.server.front.exchange import Exchange, joined, limited_client, scheme
from clips_site.server.front.reply import Headers, Reply, whole_reply
from clips_site.server.front.site_headers import is_served_here, site_headers
from clips_site.server.front.wsgi import Django
from clips_site.server.logs.request_ids import HEADER
from library.api.etags import CHANGES
from library.api.negotiation import accepts_gzip
from library.api.throttles import count_kept_read, refused_read
from library.database_outage import NoResponseError
from library.telemetry import http_requests

LIST, FACETS = "/api/v1/clips", "/api/v1/facets"
CHANGES_FEED = "/api/v1/changes"
PAGE = "/"
FEEDS = {"/feed.xml": "feed", "/feed.json": "json-feed"}  # and the names of their routes
CLIP = re.compile(r"/api/v1/clips/([0-9]{1,18})(/waveform(?:\.svg|\.png)?)?")
MAX_BYTES = 16_000_000  # of all that a process keeps
LARGEST = MAX_BYTES // 16  # of an answer that is kept
OVERHEAD = 1_000  # bytes of Python's objects for one answer
# The answer may depend on these fields in other ways than on those in its key.
UNKEPT = ("Authorization", "Cookie", "If-Match", "If-Modified-Since", "If-Unmodified-Since")
# These belong to one answer and are made for each.
OWN_HEADERS = (HEADER.lower(), "ratelimit", "ratelimit-policy")
Key = tuple[str, ...]


class Kept(NamedTuple):
    """An answer of 200, with the header fields of its 304 once that has been sent."""

    token: Any
    etag: str
    headers: Headers
    body: bytes
    headers_of_304: Headers | None = None
    without_plays: bool = False  # then it is current until a clip changes

    def is_current(self, token: Any) -> bool:
        return bool(
            self.token == token or (self.without_plays and self.token.changes == token.changes)
        )


class KeptAnswers:
    """Keeps the answers that Django has given, and uses them again."""

    def __init__(self, django: Django, database: Database) -> None:
        self._django = django
        self._database = database
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._size = 0

    async def reply(self, exchange: Exchange) -> Reply | None:
        """Return the response, or None if the request is for something else."""
        request = exchange.request
        route = self._route(exchange)
        if route is None or request.method != "GET" or request.body_exists:
            return None
        if any(name in request.headers for name in UNKEPT) or not is_served_here(exchange):
            return None
        client = limited_client(exchange)
        if refused := refused_read(client):
            return None if route.is_page else _refusal(exchange, route, *refused)
        try:
            token = await route.read_token()
        except NoResponseError as error:  # a thread of Django would only wait, too
            return None if route.is_page else _refusal(exchange, route, error)
        except psycopg.Error:  # Django tries again, with another connection
            return None
        key = _key(exchange)
        kept = self._kept.get(key)
        if kept is not None and kept.is_current(token):
            reply = self._use(exchange, key, kept, client)
            if reply is not None:
                route.note(exchange, reply.status)
                return reply
        reply = await self._django.reply(exchange)
        kept_by = exchange.notes.get("kept_by")
        if kept_by and reply.is_whole:
            self._keep(key, token, reply, without_plays=kept_by == CHANGES)
        return reply

    def _route(self, exchange: Exchange) -> "_Route | None":
        if exchange.path == LIST:
            return _Route("clip-list", "api/v1/^clips$", self._database.token)
        if exchange.path == CHANGES_FEED:
            return _Route("changes", "api/v1/changes", self._database.token)
        if exchange.path == PAGE:
            return _Route("listing", "", self._database.token, is_page=True)
        if exchange.path in FEEDS:
            path = exchange.path.removeprefix("/")
            return _Route(FEEDS[exchange.path], path, self._database.token)
        if exchange.path == FACETS:
            return _Route("facets", "api/v1/facets", self._read_changes)
        found = CLIP.fullmatch(exchange.path)
        if found is None:
            return None
        clip_id, image = int(found[1]), found[2] or ""
        template = rf"api/v1/^clips/(?P<pk>[0-9]{{1,18}}){image.replace('.', chr(92) + '.')}$"
        if image:
            name = f"clip{image.replace('/', '-').replace('.', '-')}"
            return _Route(name, template, partial(self._read_audio, clip_id), clip_id)
        return _Route("clip-detail", template, partial(self._database.clip, clip_id), clip_id)

    async def _read_changes(self) -> tuple[Any, ...]:
        """Return the version of everything that facets depend on. No play changes it."""
        token = await self._database.token()
        return token.changes, token.available

    async def _read_audio(self, clip_id: int) -> tuple[Any, ...] | None:
        """Return everything of a clip on which its waveform depends. No play changes it."""
        clip = await self._database.clip(clip_id)
        if clip is None:
            return None
        return clip.state, clip.is_deleted, clip.audio_url, clip.audio_file, clip.audio_etag

    def _use(self, exchange: Exchange, key: Key, kept: Kept, client: str | None) -> Reply | None:
        """Return the kept answer, or None if only Django can answer."""
        condition = joined(exchange.request, "If-None-Match")
        unchanged = condition is not None and (kept.etag in condition or condition.strip() == "*")
        headers = kept.headers_of_304 if unchanged else kept.headers
        if headers is None:
            return None
        limits = count_kept_read(client)
        if limits is None:  # Django must count it
            return None
        self._kept.move_to_end(key)
        headers = (*headers, *limits, (HEADER, exchange.request_id))
        return whole_reply(304, headers, b"") if unchanged else whole_reply(200, headers, kept.body)

    def _keep(self, key: Key, token: Any, reply: Reply, *, without_plays: bool = False) -> None:
        """Keep an answer. The token is older than the answer, so at worst it is never used."""
        headers = tuple(item for item in reply.headers if item[0].lower() not in OWN_HEADERS)
        etag = next((value for name, value in headers if name == "ETag"), "")
        before = self._kept.get(key)
        if reply.status == 304:
            if before is None or not before.is_current(token) or before.etag != etag:
                return
            kept = before._replace(headers_of_304=headers)
        elif reply.status == 200 and etag:
            kept = Kept(token, etag, headers, reply.body, without_plays=without_plays)
        else:
            return
        size = _size(key, kept)
        if size > LARGEST:
            return
        if before is not None:
            self._size -= _size(key, before)
        self._kept[key] = kept
        self._size += size
        while self._size > MAX_BYTES:
            self._size -= _size(*self._kept.popitem(last=False))


class _Route(NamedTuple):
    """A route whose answers are kept."""

    name: str
    template: str
    read_token: Callable[[], Awaitable[Any]]
    clip: int | None = None
    is_page: bool = False  # whose errors are pages, too

    def note(self, exchange: Exchange, status: int) -> None:
        """Note and count an answer as Django's middleware does."""
        exchange.notes.update(route=self.name, path_template=self.template)
        if self.clip is not None:
            exchange.notes["clip"] = self.clip
        seconds = time.perf_counter() - exchange.began
        http_requests.count(self.name, scheme(exchange.request), "GET", status, seconds)


def _size(key: Key, kept: Kept) -> int:
    """Return about how many bytes of memory an answer takes. Clients choose most of the key."""
    headers = (*kept.headers, *(kept.headers_of_304 or ()))
    texts = (*key, *(text for item in headers for text in item), repr(kept.token))
    return OVERHEAD + len(kept.body) + sum(map(len, texts))


def _key(exchange: Exchange) -> Key:
    """Return everything of the request that the answer depends on, besides If-None-Match."""
    request = exchange.request
    return (
        request.raw_path,
        exchange.host,
        scheme(request),
        joined(request, "Accept") or "",
        "cross-origin" if "Origin" in request.headers else "",
        "gzip" if accepts_gzip(joined(request, "Accept-Encoding")) else "",
    )


def _refusal(exchange: Exchange, route: _Route, error: Exception, headers: Headers = ()) -> Reply:
    """Return the response to a request that needs no thread of Django to fail."""
    reply = error_reply(error, exchange.notes)
    reply.headers = (*reply.headers, *headers, *site_headers(exchange))
    route.note(exchange, reply.status)
    return reply
