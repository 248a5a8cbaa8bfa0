"""Receive the body of a request for Django, while its client holds no thread."""

import asyncio
import tempfile
from io import BytesIO
from typing import BinaryIO, cast

from aiohttp import HttpVersion11, StreamReader
from aiohttp.web import BaseRequest

from clips_site import settings
from clips_site.middleware import BodyLimitMiddleware
from clips_site.server.front.connection import Connection
from library.api.protocol_errors import BodyIncomplete, BodyTooSlow

IN_MEMORY = 1_000_000  # bytes of a request body; a larger one goes to a temporary file
SMALL, PAUSE = 16_384, 0.25  # fewer bytes than these are followed by these seconds


async def receive(request: BaseRequest) -> BinaryIO | None:
    """Return the request's body, or None if Django will refuse it.

    Such a body is too large or has no length, and is not received. Raises BodyTooSlow,
    BodyIncomplete, or ConnectionError if the client leaves.
    """
    length = request.content_length or 0
    if length > BodyLimitMiddleware.MAX_BYTES or (request.body_exists and not length):
        return None
    connection = cast(Connection, request.protocol)
    body: BinaryIO = BytesIO()
    if length > IN_MEMORY:
        body = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
    if not request.content.is_eof():
        complete = False
        try:
            await _receive_rest(request, length, body, connection)
            complete = True
        except TimeoutError:
            await connection.places.take_turn()
            raise BodyTooSlow from None
        finally:
            connection.end_body(complete=complete)
    body.write(request.content.read_nowait())
    if body.tell() < length:
        raise BodyIncomplete
    body.seek(0)
    return body


async def _receive_rest(
    request: BaseRequest, length: int, body: BinaryIO, connection: Connection
) -> None:
    """Wait until the whole body has arrived. Raises TimeoutError if that takes too long.

    Bytes that arrive one by one wake nobody, so that they cost little: a body that fits into memory
    is read when it is complete, and a larger one goes to `body` a few times a second.
    """
    expects = request.version >= HttpVersion11 and request.headers.get("Expect", "").lower()
    if expects == "100-continue" and request.transport:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    content, clock = request.content, asyncio.get_running_loop().time
    began = clock()
    if length <= IN_MEMORY:
        content.set_read_chunk_size(length)
    while not content.is_eof():
        if (error := content.exception()) is not None:
            raise ConnectionResetError from error
        try:
            async with asyncio.timeout_at(due(began, content.total_bytes)) as timeout:
                connection.begin_body(timeout)
                if length <= IN_MEMORY:
                    await _ended(content)
                else:
                    data = await _next(content)
                    body.write(data)
                    if len(data) < SMALL:
                        await asyncio.sleep(PAUSE)
        except TimeoutError:
            if connection.gives_way or due(began, content.total_bytes) <= clock():
                raise


async def _ended(content: StreamReader) -> None:
    try:
        await content.wait_eof()
    except OSError:
        raise ConnectionResetError from None


async def _next(content: StreamReader) -> bytes:
    try:
        return await content.readany()
    except OSError:
        raise ConnectionResetError from None


def due(began: float, received: int) -> float:
    """Return when the next bytes of a body must arrive: while its average rate is high enough."""
    seconds = settings.CLIPS_BODY_GRACE + received / settings.CLIPS_BODY_MINIMUM_RATE
    return began + min(seconds, settings.CLIPS_BODY_TIMEOUT)
