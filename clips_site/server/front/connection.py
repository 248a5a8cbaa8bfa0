"""Connections: aiohttp's protocol handler, with limits on time and number, and errors in JSON."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web import BaseRequest, RequestHandler, Server
from aiohttp.web_protocol import _ErrInfo

from clips_site.server.front.places import Connections, Excess, Holder, Places, Stage
from clips_site.server.front.refusals import MAX_FIELD, MAX_FIELDS, MAX_LINE, failure, refuse
from clips_site.server.front.reply import Reply
from clips_site.server.logs.access_lines import AccessLog
from library.api.protocol_errors import HeadIncomplete, HeadTooSlow, MalformedRequest

logger = logging.getLogger(__name__)

END_OF_HEAD = b"\r\n\r\n"
LINGER = 2.0  # seconds in which a client that still sends can read why it is refused
NEVER = 365 * 24 * 3600.0  # seconds; aiohttp's own time limit, which `Places` replaces


Handle = Callable[[BaseRequest], Coroutine[Any, Any, Reply]]
ClientOf = Callable[[str], str | None]


class Front(Server):
    """The HTTP server of a worker: parses requests and passes each to `handle`."""

    def __init__(
        self, handle: Handle, log: AccessLog | None, places: Places, client_of: ClientOf
    ) -> None:
        """`client_of` returns the client to whose connections one from an address is counted."""
        super().__init__(handle)  # type: ignore[arg-type]  # a Reply is all that aiohttp needs
        self.log, self.places, self.client_of = log, places, client_of
        self._settings: dict[str, Any] = {
            "loop": self._loop,
            "keepalive_timeout": NEVER,
            "logger": logger,
            "access_log": None,  # `Exchange` writes the lines
            "max_line_size": MAX_LINE,
            "max_field_size": MAX_FIELD,
            "max_headers": MAX_FIELDS,
            "auto_decompress": False,  # WSGI passes bodies on as they were sent
        }

    def __call__(self, visitor: Holder | None = None) -> RequestHandler:
        return Connection(self, visitor, **self._settings)


class Connection(RequestHandler):
    """One connection of a client."""

    __slots__ = (
        *("_body_timeout", "_end", "_front", "_is_refused", "_visitor"),
        *("_cut_body", "_last_body", "_last_body_end", "_last_body_left"),
        *("client", "groups", "place", "places", "since", "stage", "surplus"),  # `places.Holder`
    )
    client: str | None
    groups: tuple[Connections, ...]
    place: int
    since: float
    stage: Stage
    surplus: bool

    def __init__(self, front: Front, visitor: Holder | None, **options: Any) -> None:
        """`visitor` has held the connection's place until its first byte arrived."""
        super().__init__(front, **options)
        self._front, self.places, self._visitor = front, front.places, visitor
        self._body_timeout: asyncio.Timeout | None = None
        self._last_body: StreamReader = EMPTY_PAYLOAD
        self._cut_body: StreamReader | None = None  # whose client ended before it
        self._last_body_left = 0  # bytes that are to come, if their number is known
        self._end: asyncio.Future[None] = self._loop.create_future()  # nothing more will arrive
        self._is_refused = False
        self._last_body_end: asyncio.Future[None] | None = None  # while the server stops

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        visitor, self._visitor = self._visitor, None
        if visitor is not None and visitor.stage is not Stage.CLOSED:
            self.places.hand_over(visitor, self)
            return
        peer = self.peername  # empty on a Unix socket
        self.places.enter(self, self._front.client_of(peer[0]) if peer else None)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.places.leave(self)
        self._note_end()
        self._last_body = EMPTY_PAYLOAD
        self._note_last_body()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived, one request after the other.

        aiohttp drops the requests that arrive together with an invalid one, although its client
        awaits their responses first (RFC 9112, section 9.3.2).
        """
        if not data:  # the parser goes on after a pause
            self._parse(data)
        start = 0
        while start < len(data):
            end = len(data)
            if self._last_body.is_eof():
                if (found := data.find(END_OF_HEAD, start)) >= 0:
                    end = found + len(END_OF_HEAD)
            elif self._last_body_left:  # else the body is chunked
                end = start + self._last_body_left
            self._parse(data[start:end] if start or end < len(data) else data)
            start = end
            if self._messages and isinstance(self._messages[-1][0], _ErrInfo):
                break

    def _parse(self, data: bytes) -> None:
        before = len(self._messages)
        super().data_received(data)
        self._last_body_left = max(0, self._last_body_left - len(data))
        if len(self._messages) > before:
            head, self._last_body = self._messages[-1]
            fields = {} if isinstance(head, _ErrInfo) else head.headers
            self._last_body_left = int(fields.get("Content-Length", 0))
            if "Transfer-Encoding" in fields and "Content-Length" in fields:
                # One of them may hide another request (RFC 9112, section 6.1).
                self._messages[-1] = (_ErrInfo(400, MalformedRequest(), ""), EMPTY_PAYLOAD)
                self._last_body, self._last_body_left = EMPTY_PAYLOAD, 0
        elif self.stage is Stage.IDLE and data:
            self.places.move(self, Stage.HEAD)
        self._note_last_body()

    def _note_last_body(self) -> None:
        """Finish closing the connection when a body has arrived that had begun before."""
        end = self._last_body_end
        if end is not None and not end.done() and self._last_body.is_eof():
            end.set_result(None)
            super().close()

    def close(self) -> None:
        """Close the connection after the requests that have begun.

        The server calls it when it stops. aiohttp would read no further, not even the rest of a
        body.
        """
        if self._last_body.is_eof():
            super().close()
        elif self._last_body_end is None:
            self._last_body_end = self._loop.create_future()

    async def shutdown(self, timeout: float | None = 15.0) -> None:
        """Wait for the requests that have begun, as aiohttp does, and for their bodies before."""
        began = self._loop.time()
        if self._last_body_end is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._last_body_end
        left = None if timeout is None else max(0.0, timeout - (self._loop.time() - began))
        await super().shutdown(left)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep a half-closed connection open while its client awaits a response."""
        self._note_end()
        if self._awaits_head:
            return self._has_head_begun() and self._refuse(HeadIncomplete())
        self._close = not self._messages  # these are answered first
        if not self._last_body.is_eof():
            self._cut_body = self._last_body
            self._last_body.feed_eof()  # `bodies` notices that it is too short
        return self._request_count > 0

    async def _handle_request(self, request: BaseRequest, *arguments: Any) -> Any:
        self.places.move(self, Stage.BUSY)
        try:
            return await super()._handle_request(request, *arguments)
        finally:
            self.places.move(self, Stage.IDLE)
            if self._is_refused:
                await self._discard_rest()

    async def _discard_rest(self) -> None:
        """Let the client read the last response while it still sends (RFC 9112, section 9.6)."""
        self._close = True  # what arrives from now on is ignored
        if self.transport is None or self._end.done() or self.gives_way:
            return
        self.transport.write_eof()
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                await self._end

    def _note_end(self) -> None:
        if not self._end.done():
            self._end.set_result(None)

    def begin_body(self, timeout: asyncio.Timeout) -> None:
        """Wait for the rest of a body until `timeout`, which ends early if the place is needed."""
        self._body_timeout = timeout
        if self.stage is not Stage.BODY:
            self.places.move(self, Stage.BODY)

    def end_body(self, *, complete: bool) -> None:
        """Wait no longer for a body. The rest of an incomplete one is not read."""
        self._body_timeout = None
        if not complete:
            self._is_refused, self._lingering_time = True, 0
            self._last_body = EMPTY_PAYLOAD
            self._note_last_body()
        self.places.move(self, Stage.BUSY)

    def is_cut_off(self, body: StreamReader) -> bool:
        """Return whether the client ended its side of the connection within a body."""
        return body is self._cut_body

    def expire(self) -> bool:
        """Close the connection. Return False if it does not wait, but still discards a body."""
        if not self._awaits_head:
            return False
        if not (self._has_head_begun() and self._refuse(HeadTooSlow())):
            self.force_close()
        return True

    def give_way(self) -> None:
        """Close the connection in any case. A client that has begun a request gets a response."""
        transport = self.transport
        if transport is None or transport.get_write_buffer_size():
            if transport is not None:
                transport.abort()  # the client takes nothing, so it would stay open
        elif self._body_timeout is not None:
            # It can be rescheduled only while it runs. Otherwise `bodies` is about to notice.
            with suppress(RuntimeError):
                self._body_timeout.reschedule(self._loop.time())
        elif not self.expire():
            self.force_close()

    def give_way_to_body(self) -> None:
        """End a body that is being received, because another one needs its room."""
        self.places.leave(self)
        self.give_way()

    def excess(self) -> Excess | None:
        """Return the limit on connections that a new request still exceeds, if any."""
        return self.places.excess(self) if self.surplus else None

    @property
    def gives_way(self) -> bool:
        """Whether another connection needs the place of this one."""
        return self.stage is Stage.CLOSED

    @property
    def _awaits_head(self) -> bool:
        return self._waiter is not None and not self._waiter.done()

    def _has_head_begun(self) -> bool:
        """Return whether part of a head has arrived. Nothing can be parsed afterwards."""
        try:
            return self._parser is not None and self._parser.feed_eof() is not None
        except Exception:
            return True

    def _refuse(self, error: Exception) -> bool:
        """Respond to the part of a head that has arrived, and close the connection."""
        self._messages.append((_ErrInfo(400, error, ""), EMPTY_PAYLOAD))
        self._close = True
        if self._waiter is not None:
            self._waiter.set_result(None)
        return True

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> Any:
        """Return the response to an invalid request or a failed handler.

        Neither it nor the log quotes the request.
        """
        if status >= 500:
            logger.error("A request was not answered", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionResetError  # the response has begun, so break it off
        if exc is None or status >= 500:
            return failure()
        self._is_refused = True
        return refuse(exc, self._front.log)
