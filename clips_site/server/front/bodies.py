"""Receive the body of a request for Django, while its client holds no thread."""

import asyncio
import tempfile
from io import BytesIO
from typing import BinaryIO, cast

from aiohttp import HttpVersion11
from aiohttp.web import BaseRequest

from clips_site import settings
from clips_site.middleware import BodyLimitMiddleware
from clips_site.server.front.connection import Connection
from library.api.protocol_errors import BodyIncomplete, BodyTooSlow

IN_MEMORY = 1_000_000  # bytes of a request body; a larger one goes to a temporary file


async def receive(request: BaseRequest) -> BinaryIO | None:
    """Return the request's body, or None if Django will refuse it.

    Such a body is too large or has no length, and is not received. Raises BodyTooSlow,
    BodyIncomplete, or ConnectionError if the client leaves.
    """
    length = request.content_length or 0
    if length > BodyLimitMiddleware.MAX_BYTES or (request.body_exists and not length):
        return None
    body: BinaryIO = BytesIO()
    if length > IN_MEMORY:
        body = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
    if not request.content.is_eof():
        await _receive_rest(request, body)
    body.write(request.content.read_nowait())
    if body.tell() < length:
        raise BodyIncomplete
    body.seek(0)
    return body


async def _receive_rest(request: BaseRequest, body: BinaryIO) -> None:
    """Write to `body` what arrives, until nothing or only buffered bytes are missing."""
    connection = cast(Connection, request.protocol)
    expects = request.version >= HttpVersion11 and request.headers.get("Expect", "").lower()
    if expects == "100-continue" and request.transport:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    began, received = asyncio.get_running_loop().time(), 0
    complete = False
    try:
        async with asyncio.timeout_at(due(began, 0)) as timeout:
            connection.begin_body(timeout)
            while data := await _next(request):
                body.write(data)
                received += len(data)
                timeout.reschedule(due(began, received))
        complete = True
    except TimeoutError:
        raise BodyTooSlow from None
    finally:
        connection.end_body(complete=complete)


async def _next(request: BaseRequest) -> bytes:
    try:
        return await request.content.readany()
    except OSError:
        raise ConnectionResetError from None


def due(began: float, received: int) -> float:
    """Return when the next bytes of a body must arrive: while its average rate is high enough."""
    seconds = settings.CLIPS_BODY_GRACE + received / settings.CLIPS_BODY_MINIMUM_RATE
    return began + min(seconds, settings.CLIPS_BODY_TIMEOUT)
