"""Answer requests: in the event loop where that is fast, otherwise through Django."""

import asyncio
import time
from typing import cast

from aiohttp import HttpVersion10
from aiohttp.web import BaseRequest
from django.conf import settings
from rest_framework.exceptions import APIException, MethodNotAllowed

from clips_site.middleware import PROBES
from clips_site.server.front import probes, streams
from clips_site.server.front.changes import Changes
from clips_site.server.front.client_counts import counted_client, counts
from clips_site.server.front.connection import Connection
from clips_site.server.front.database import Database
from clips_site.server.front.error_replies import error_reply
from clips_site.server.front.exchange import Exchange, joined, scheme
from clips_site.server.front.kept_answers import KeptAnswers
from clips_site.server.front.listens import Listens
from clips_site.server.front.places import Excess
from clips_site.server.front.reply import LEFT, LostReply, Reply
from clips_site.server.front.site_headers import site_headers
from clips_site.server.front.streams import Streams
from clips_site.server.front.targets import ALLOW, about_service, check_target
from clips_site.server.front.wsgi import Application, Django
from clips_site.server.logs.access_lines import AccessLog
from library.api import protocol_errors as errors
from library.telemetry import http_requests


class Handler:
    """Answers every request of a worker."""

    def __init__(self, application: Application, log: AccessLog | None) -> None:
        self._log = log
        # Behind a proxy, requests are counted, because all connections are the proxy's.
        self._most = settings.CLIENT_LIMIT if settings.CLIPS_TRUSTED_PROXIES else 0
        self._django = Django(application)
        database = Database()
        self._streams = Streams(database)
        self._kept_answers = KeptAnswers(self._django, database)
        self._changes = Changes(database)
        self._listens = Listens(self._django, database)

    async def __call__(self, request: BaseRequest) -> Reply:
        exchange = Exchange(request)
        client = self._proxied_client(exchange) if self._most else None
        try:
            self._check(exchange, client)
            reply = about_service(exchange) or await self._reply(exchange)
        except APIException as error:
            reply = _last_reply(exchange, error)
        except ConnectionError:  # the client has left
            reply = LostReply()
        except BaseException as error:  # cancelled: the server stops and can wait no longer
            is_cancelled = isinstance(error, asyncio.CancelledError)
            self._end(exchange, client, LEFT if is_cancelled else 500, None)
            raise
        before_end = reply.on_end

        def end() -> None:
            before_end()
            self._end(exchange, client, reply.status, reply.sent)

        reply.on_begin, reply.on_end = exchange.note_first_byte, end
        return reply

    def stop(self) -> None:
        """Let requests that wait for a change be answered, because the server stops."""
        self._changes.stop()

    async def _reply(self, exchange: Exchange) -> Reply:
        if (reply := await self._streams.reply(exchange)) is not None:
            return reply
        await self._changes.wait(exchange)
        return (
            await self._kept_answers.reply(exchange)
            or probes.reply(exchange)
            or await self._listens.reply(exchange)
            or await self._django.reply(exchange)
        )

    def _check(self, exchange: Exchange, client: str | None) -> None:
        """Raise an APIException if the request cannot be handled at all."""
        if exchange.request.version < HttpVersion10:
            raise errors.FirstLineInvalid
        check_target(exchange)
        if exchange.path in PROBES:
            return
        excess = cast(Connection, exchange.request.protocol).excess()
        if excess is Excess.WORKER:
            raise errors.NoConnections
        if excess is Excess.CLIENT or (client and counts.total(client) > self._most):
            raise errors.TooManyConnections

    def _proxied_client(self, exchange: Exchange) -> str | None:
        """Count a request for its client, and return the client."""
        request = exchange.request
        forwarded_for = joined(request, "X-Forwarded-For") or ""
        client = counted_client(request.remote or "", forwarded_for, settings.CLIPS_TRUSTED_PROXIES)
        if client is not None:
            counts.add(client)
        return client

    def _end(self, exchange: Exchange, client: str | None, status: int, sent: int | None) -> None:
        if client is not None:
            counts.remove(client)
        exchange.end(status, sent, self._log)


def _last_reply(exchange: Exchange, error: APIException) -> Reply:
    """Return the response to a request that is not handled. The connection ends with it."""
    reply = error_reply(error, exchange.notes)
    reply.headers = (*reply.headers, *site_headers(exchange))
    if isinstance(error, MethodNotAllowed):
        reply.headers = (*reply.headers, ALLOW)
    reply.keep_alive = False
    if streams.is_stream(exchange):
        streams.count(exchange, reply.status, error)
    else:
        request, seconds = exchange.request, time.perf_counter() - exchange.began
        http_requests.count(None, scheme(request), request.method, reply.status, seconds)
    return reply
