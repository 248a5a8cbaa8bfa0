"""Replies: the bytes of an HTTP response, sent by the event loop without holding a thread.

aiohttp parses requests and manages connections. It calls `prepare` and `write_eof` of a reply.
"""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from io import FileIO
from typing import BinaryIO

import orjson
from aiohttp import HttpVersion11
from aiohttp.web import BaseRequest

Headers = Sequence[tuple[str, str]]
CHUNK = 65_536  # bytes that a reply reads at once
SLICE = 1_000_000  # bytes of a file that one call sends
NO_BODY = (204, 304)  # statuses without a body (RFC 9110, section 6.4.1)
LEFT = 499  # in the log: the client left before it had a response, as in nginx's log


class Reply:
    """A response whose whole body is in memory. It is the base of the others.

    `headers` are complete, except for Date, Server and Connection. `on_begin` is called before the
    first byte is sent, and `on_end` once, however the response ends. `sent` then is the number of
    bytes of the body that were handed to the network.
    """

    def __init__(self, status: int, headers: Headers, body: bytes = b"") -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.keep_alive = True
        self.sent = 0
        self.on_begin: Callable[[], None] = lambda: None
        self.on_end: Callable[[], None] = lambda: None

    @property
    def is_whole(self) -> bool:
        """Whether `body` is the whole body."""
        return type(self) is Reply

    async def prepare(self, request: BaseRequest) -> None:
        """Decide whether the connection stays open. The head is sent with the body."""
        self._request = request
        self.keep_alive = self.keep_alive and bool(request.keep_alive)

    async def write_eof(self) -> None:
        """Send the response. Raises ConnectionError if the client has left."""
        request = self._request
        has_body = request.method != "HEAD" and self.status not in NO_BODY
        self.on_begin()
        try:
            await self._send(request, head(self, request), has_body=has_body)
        finally:
            self.on_end()

    def discard(self) -> None:
        """End a reply that is never sent, because its client has left."""
        self.on_end()

    async def _send(self, request: BaseRequest, head: bytes, *, has_body: bool) -> None:
        writer = request.writer
        body = self.body if has_body else b""
        await writer.write(head + body)
        self.sent = len(body)
        await writer.drain()


class LostReply(Reply):
    """Stands for the response to a client that has left before it."""

    def __init__(self) -> None:
        super().__init__(LEFT, ())

    async def _send(self, request: BaseRequest, head: bytes, *, has_body: bool) -> None:
        raise ConnectionResetError


def whole_reply(status: int, headers: Headers, body: bytes) -> Reply:
    """Return a reply of known length."""
    if status not in NO_BODY and not any(name == "Content-Length" for name, _ in headers):
        headers = (*headers, ("Content-Length", str(len(body))))
    return Reply(status, headers, body)


def json_reply(status: int, code: str, detail: str) -> Reply:
    """Return the JSON of an error that arises outside Django."""
    body = orjson.dumps({"detail": detail, "code": code})
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return whole_reply(status, headers, body)


class FileReply(Reply):
    """A part of a file, sent by sendfile. Owns the file: closes it at the end."""

    def __init__(
        self,
        status: int,
        headers: Headers,
        file: FileIO | BinaryIO,
        start: int,
        length: int,
    ) -> None:
        super().__init__(status, headers)
        self._file, self.start, self._length = file, start, length
        self._failed = False

    @property
    def outcome(self) -> str:
        return outcome_of(self.sent, self._length, failed=self._failed)

    async def _send(self, request: BaseRequest, head: bytes, *, has_body: bool) -> None:
        await request.writer.write(head)
        transport = request.transport
        if not has_body or self._length == 0:
            return
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        while self.sent < self._length:
            sent = await self._send_slice(transport)
            self.sent += sent
            if sent == 0:  # the file was truncated: the client must see that
                self._failed = True
                transport.abort()
                raise ConnectionResetError

    async def _send_slice(self, transport: asyncio.Transport) -> int:
        """Send a part of the rest, and return its size. Raises ConnectionResetError."""
        loop, start = asyncio.get_running_loop(), self.start + self.sent
        size = min(SLICE, self._length - self.sent)
        try:
            return await loop.sendfile(transport, self._file, start, size, fallback=False)
        except asyncio.CancelledError:  # the server stops; how much of the slice was sent is lost
            self._failed = True
            raise
        except asyncio.SendfileNotAvailableError:  # its first attempt failed: the client has left
            raise ConnectionResetError from None
        except OSError:
            # asyncio leaves the file at the offset that it has reached.
            self.sent += max(0, min(os.lseek(self._file.fileno(), 0, os.SEEK_CUR) - start, size))
            raise ConnectionResetError from None


class StreamedReply(Reply):
    """A body that arrives piece by piece from an asynchronous iterator.

    Without a Content-Length the body is sent in chunks or, to a client of HTTP/1.0, ends with the
    connection. If the iterator fails, the connection is broken, so that the client notices.
    """

    def __init__(
        self,
        status: int,
        headers: Headers,
        pieces: AsyncGenerator[bytes, None],
        length: int | None = None,
    ) -> None:
        super().__init__(status, headers)
        self._pieces = pieces
        self._length = length
        self._chunked = self._failed = False

    @property
    def outcome(self) -> str:
        return outcome_of(self.sent, self._length, failed=self._failed)

    async def prepare(self, request: BaseRequest) -> None:
        await super().prepare(request)
        if not any(name == "Content-Length" for name, _ in self.headers):
            self._chunked = request.version >= HttpVersion11 and self.status not in NO_BODY
            if self._chunked:
                self.headers = [*self.headers, ("Transfer-Encoding", "chunked")]
            else:
                self.keep_alive = False

    async def _send(self, request: BaseRequest, head: bytes, *, has_body: bool) -> None:
        writer = request.writer
        await writer.write(head)
        if not has_body:
            return
        async with aclosing(self._pieces):
            while piece := await self._next():
                framed = b"%x\r\n%b\r\n" % (len(piece), piece) if self._chunked else piece
                await writer.write(framed)
                await writer.drain()
                self.sent += len(piece)
        if self._chunked:
            await writer.write(b"0\r\n\r\n")

    async def _next(self) -> bytes:
        """Return the next piece, empty after the last. Break the connection if there is none."""
        try:
            return await anext(self._pieces, b"")
        except BaseException as error:
            self._failed = True
            if self._request.transport is not None:
                self._request.transport.abort()
            if isinstance(error, Exception):
                raise ConnectionResetError from None
            raise  # the server stops


def outcome_of(sent: int, length: int | None, *, failed: bool) -> str:
    """Return how a stream of `length` bytes ended: completed, client_closed or error."""
    if failed:
        return "error"
    return "completed" if sent == length else "client_closed"


def head(reply: Reply, request: BaseRequest) -> bytes:
    """Return the status line and all header fields."""
    lines = [_first_lines(reply.status, int(time.time()))]
    if not reply.keep_alive:
        lines.append("Connection: close\r\n")
    elif request.version < HttpVersion11:
        lines.append("Connection: keep-alive\r\n")
    lines.extend(f"{name}: {value}\r\n" for name, value in reply.headers)
    lines.append("\r\n")
    return "".join(lines).encode("latin-1")


@lru_cache(maxsize=64)
def _first_lines(status: int, now: int) -> str:
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    return (
        f"HTTP/1.1 {status} {phrase}\r\nServer: clips\r\nDate: {formatdate(now, usegmt=True)}\r\n"
    )
