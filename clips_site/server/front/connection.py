"""Connections: aiohttp's protocol handler, with errors in JSON and half-closed connections."""

import logging
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from aiohttp.http_exceptions import LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web import BaseRequest, RequestHandler, Server

from clips_site.server.front.reply import Reply, json_reply
from clips_site.server.logs.request_ids import HEADER, begin, current

logger = logging.getLogger(__name__)

MAX_LINE = 4094  # bytes of a request line, and the next of a header field
MAX_FIELD = 8190
MAX_FIELDS = 100
Handle = Callable[[BaseRequest], Coroutine[Any, Any, Reply]]


class Front(Server):
    """The HTTP server of a worker: parses requests and passes each to `handle`."""

    def __init__(self, handle: Handle, *, idle_seconds: float) -> None:
        """A connection without a complete request head is closed after `idle_seconds`."""
        super().__init__(handle)  # type: ignore[arg-type]  # a Reply is all that aiohttp needs
        self._settings: dict[str, Any] = {
            "loop": self._loop,
            "keepalive_timeout": idle_seconds,
            "logger": logger,
            "access_log": None,  # `Exchange` writes the lines
            "max_line_size": MAX_LINE,
            "max_field_size": MAX_FIELD,
            "max_headers": MAX_FIELDS,
            "auto_decompress": False,  # WSGI passes bodies on as they were sent
        }

    def __call__(self) -> RequestHandler:
        return Connection(self, **self._settings)


class Connection(RequestHandler):
    """One connection of a client."""

    __slots__ = ()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep a half-closed connection open while its client awaits a response."""
        self._close = not self._messages  # these are answered first
        if self._messages:
            last_body = self._messages[-1][1]
        elif self._current_request is not None:
            last_body = self._current_request.content
        else:
            last_body = EMPTY_PAYLOAD
        if not last_body.is_eof():
            return False  # it will never be complete
        return self._request_count > 0 and (self._waiter is None or self._waiter.done())

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
        request_id = current() or begin()
        if status < 500:
            status = _status_of(exc)
            logger.warning("Request refused: %s", type(exc).__name__)
        else:
            logger.error("A request was not answered", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionResetError  # the response has begun, so break it off
        # Python before 3.13 calls 414 Request-URI Too Long
        phrase = HTTPStatus(status).phrase.removeprefix("Request-")
        reply = json_reply(status, phrase.lower().replace(" ", "_"), f"{phrase}.")
        reply.headers = (*reply.headers, (HEADER, request_id))
        reply.keep_alive = False
        return reply


def _status_of(error: BaseException | None) -> int:
    if isinstance(error, LineTooLong):
        return 414 if error.args[1] == MAX_LINE else 431
    return 400
