"""Receive the body of a request for Django, while its client holds no thread."""

import asyncio
import logging
import tempfile
from collections.abc import AsyncGenerator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from io import BytesIO
from typing import BinaryIO, TypeVar, cast

from aiohttp import HttpVersion11, StreamReader
from aiohttp.web import BaseRequest

from clips_site import settings
from clips_site.middleware import body_limit, is_upload
from clips_site.server.front.body_budget import IN_MEMORY, Claim, budget
from clips_site.server.front.connection import Connection
from clips_site.server.front.exchange import Exchange
from clips_site.server.front.spool import write_all
from library.api.errors import PayloadTooLarge
from library.api.protocol_errors import BodyIncomplete, BodyNotStored, BodyTooSlow

Result = TypeVar("Result")
logger = logging.getLogger(__name__)

SMALL, PAUSE = 16_384, 0.25  # fewer bytes than these are followed by these seconds
UNREAD = ("GET", "HEAD")  # no view of these methods reads a body
_disk = ThreadPoolExecutor(2, "bodies")  # a disk that hangs must not hold the event loop


def awaits_upload(exchange: Exchange) -> bool:
    """Return whether an upload is to be received, after a look at its head."""
    request = exchange.request
    kind = request.headers.get("Content-Type", "")
    if not request.body_exists or not is_upload(request.method, exchange.path, kind):
        return False
    return not request.content.is_eof() or request.content_length is None


@asynccontextmanager
async def received(exchange: Exchange) -> AsyncGenerator[BinaryIO | None]:
    """Receive the request's body, and hold it until the block ends.

    It is None if Django will refuse it or not read it: it is too large, it has no length, or the
    method needs none. Such a body is not received. Raises BodyTooSlow, BodyIncomplete,
    NoRoomForBody, BodyNotStored, or ConnectionError if the client leaves.
    """
    request = exchange.request
    length = request.content_length
    if not request.body_exists and not length:
        yield BytesIO()
        return
    kind = request.headers.get("Content-Type", "")
    limit = body_limit(exchange.path, request.method, kind)
    is_unread = request.method in UNREAD and not request.content.is_eof()
    in_chunks = length is None and is_upload(request.method, exchange.path, kind)
    if is_unread or not (length or in_chunks) or (length or 0) > limit:
        yield None
        return
    with budget.claim(cast(Connection, request.protocol)) as claim:
        body = await _receive(request, length, limit, claim)
        yield body
        body.close()  # not if the server stops, while a thread of Django may still read it


async def _receive(request: BaseRequest, length: int | None, limit: int, claim: Claim) -> BinaryIO:
    """Receive a body of a known length, or in chunks. Raises PayloadTooLarge in that case."""
    connection = cast(Connection, request.protocol)
    complete = False
    try:
        claim.add_memory(IN_MEMORY if length is None else min(length, IN_MEMORY))
        if length is not None and length <= IN_MEMORY:
            await _receive_rest(request, connection)
            body: BinaryIO = BytesIO(request.content.read_nowait())
        else:
            body = await _receive_file(request, connection, claim, limit)
        complete = True
    except TimeoutError:
        await _take_turn(connection)
        raise BodyTooSlow from None
    finally:
        connection.end_body(complete=complete)
    claim.end_wait()
    size = body.seek(0, 2)
    if connection.is_cut_off(request.content) if length is None else size < length:
        body.close()
        raise BodyIncomplete
    body.seek(0)
    return body


async def _receive_file(
    request: BaseRequest, connection: Connection, claim: Claim, limit: int
) -> BinaryIO:
    """Receive a body that is too large for memory. Raises as `_receive_rest` does.

    Raises PayloadTooLarge if there are more bytes than `limit`.
    """
    file = await _stored(_new_file)
    received = 0

    async def store(data: bytes) -> None:
        nonlocal received
        received += len(data)
        if received > limit:
            raise PayloadTooLarge(limit)
        claim.add_disk(len(data))
        await _stored(partial(write_all, file, data))

    try:
        await _receive_rest(request, connection, store)
        await store(request.content.read_nowait())
    except Exception:  # if the server stops, a thread may still write: it closes the file
        file.close()
        raise
    return file


async def _receive_rest(
    request: BaseRequest,
    connection: Connection,
    store: Callable[[bytes], Coroutine[None, None, None]] | None = None,
) -> None:
    """Wait until the whole body has arrived. Raises TimeoutError if that takes too long.

    Bytes that arrive one by one wake no coroutine, so that they cost little: a body that fits into
    memory is read when it is complete, and `store` gets a larger one a few times a second.
    """
    content, clock = request.content, asyncio.get_running_loop().time
    if content.is_eof():
        return
    _invite(request)
    began = clock()
    while not content.is_eof():
        if (error := content.exception()) is not None:
            raise ConnectionResetError from error
        if connection.gives_way:  # since the last bytes arrived
            raise TimeoutError
        data = b""
        try:
            async with asyncio.timeout_at(due(began, content.total_bytes)) as timeout:
                connection.begin_body(timeout)
                if store is None:
                    await _ended(content)
                elif len(data := await _next(content)) < SMALL:
                    await asyncio.sleep(PAUSE)
        except TimeoutError:
            if connection.gives_way or due(began, content.total_bytes) <= clock():
                raise
        if store is not None:
            await store(data)


def _invite(request: BaseRequest) -> None:
    """Let a client send the body, if it waits for that (RFC 9110, section 10.1.1)."""
    expects = request.version >= HttpVersion11 and request.headers.get("Expect", "").lower()
    if expects == "100-continue" and request.transport:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def _new_file() -> BinaryIO:
    return cast(BinaryIO, tempfile.TemporaryFile(buffering=0))


async def _stored(action: Callable[[], Result]) -> Result:
    """Call a function that may wait for the disk, in a thread. Raises BodyNotStored."""
    try:
        return await asyncio.get_running_loop().run_in_executor(_disk, action)
    except OSError as error:
        logger.warning("A request body could not be stored: %s", error.strerror)
        raise BodyNotStored from None


async def _take_turn(connection: Connection) -> None:
    """Wait for the turn of this connection to be closed, or until its place is needed."""
    if not connection.gives_way:
        with suppress(TimeoutError):
            async with asyncio.timeout(None) as timeout:
                connection.begin_body(timeout)
                await connection.places.take_turn()


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
