"""Hand requests to Django: the body is received first, and the response is sent afterwards.

So a thread of Django works only while there is work. It never waits for a client.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache
from io import SEEK_END, BytesIO
from typing import Any, BinaryIO
from urllib.parse import unquote_to_bytes

from clips_site import settings
from clips_site.middleware import PROBES
from clips_site.server.front.bodies import awaits_upload, received
from clips_site.server.front.exchange import Exchange, scheme
from clips_site.server.front.reply import (
    CHUNK,
    NO_BODY,
    FileReply,
    Reply,
    StreamedReply,
    whole_reply,
)
from clips_site.server.front.spool import Spool
from library.api.early_look import CONTINUE, KEY, EarlyLook

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class FileWrapper:
    """Marks a file that the server may send by sendfile (PEP 3333)."""

    def __init__(self, file: Any, _block_size: int = CHUNK) -> None:
        self.file = file

    def __iter__(self) -> "FileWrapper":
        return self

    def __next__(self) -> bytes:
        if data := self.file.read(CHUNK):
            return bytes(data)
        raise StopIteration

    def close(self) -> None:
        self.file.close()


class Django:
    """Runs Django's WSGI application in threads."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._loop = asyncio.get_running_loop()
        # None of these waits for the others: a check of a slow origin or an import holds a thread
        # of the pages, and /readyz is answered whatever else happens.
        half = settings.WEB_THREADS // 2
        self._for_api = ThreadPoolExecutor(settings.WEB_THREADS - half, "api")
        self._for_pages = ThreadPoolExecutor(half, "pages")
        self._for_readiness = ThreadPoolExecutor(2, "readiness")
        self._for_metrics = ThreadPoolExecutor(1, "metrics")

    async def reply(self, exchange: Exchange) -> Reply:
        """Return Django's response. Raises the exceptions of `received`."""
        look = EarlyLook() if awaits_upload(exchange) else None
        if look is not None:
            reply = await self._answer(exchange, BytesIO(), look)
            if reply.status != CONTINUE:
                reply.keep_alive = False
                return reply
            reply.discard()
            look.awaits_body = False
        async with received(exchange) as body:
            return await self.reply_to(exchange, body, look)

    async def reply_to(
        self, exchange: Exchange, body: BinaryIO | None, look: EarlyLook | None = None
    ) -> Reply:
        """Return Django's response to a request whose body is `received`."""
        reply = await self._answer(exchange, body or BytesIO(), look)
        if body is None:
            reply.keep_alive = False
        return reply

    async def _answer(
        self, exchange: Exchange, body: BinaryIO, look: EarlyLook | None = None
    ) -> Reply:
        environ = environment(exchange, body)
        if look is not None:
            environ[KEY] = look
            if not look.awaits_body:
                # It has been received, so it is no longer in chunks.
                environ.pop("HTTP_TRANSFER_ENCODING", None)
                environ["CONTENT_LENGTH"] = str(body.seek(0, SEEK_END))
                body.seek(0)
        answered: asyncio.Future[Reply] = self._loop.create_future()
        threads = self._threads_for(exchange.path)
        threads.submit(copy_context().run, self._respond, environ, answered)
        return await answered

    def _threads_for(self, path: str) -> ThreadPoolExecutor:
        if path.startswith("/api/"):
            return self._for_api
        if path == "/metrics":
            return self._for_metrics
        return self._for_readiness if path in PROBES else self._for_pages

    def _respond(self, environ: dict[str, Any], answered: "asyncio.Future[Reply]") -> None:
        """Run the application, in a thread."""
        body: Any = None
        try:
            started: list[Any] = []
            body = self._application(environ, lambda *given: started.extend(given))
            status, headers = int(started[0][:3]), started[1]
            if status in NO_BODY:  # Django adds the length of the missing body
                headers = [item for item in headers if item[0] != "Content-Length"]
            if reply := _file_reply(status, headers, body):
                self._hand_over(answered, reply)
            elif isinstance(body, FileWrapper) or getattr(body, "streaming", False):
                spool = Spool(self._loop)
                reply = StreamedReply(status, headers, spool.pieces())
                reply.on_end = spool.close
                self._hand_over(answered, reply)
                spool.write_all(body)
            else:
                content = b"".join(body)
                _close(body)
                self._hand_over(answered, whole_reply(status, headers, content))
        except BaseException as error:  # Django answers errors itself, so this is one of the server
            _close(body)
            self._loop.call_soon_threadsafe(_fail, answered, error)

    def _hand_over(self, answered: "asyncio.Future[Reply]", reply: Reply) -> None:
        self._loop.call_soon_threadsafe(_answer, answered, reply)


def _answer(answered: "asyncio.Future[Reply]", reply: Reply) -> None:
    if answered.cancelled():
        reply.discard()
    else:
        answered.set_result(reply)


def _fail(answered: "asyncio.Future[Reply]", error: BaseException) -> None:
    if not answered.done():
        answered.set_exception(error)


def _close(body: object) -> None:
    if close := getattr(body, "close", None):
        close()


def _file_reply(status: int, headers: list[tuple[str, str]], body: object) -> Reply | None:
    """Return a reply that sends the body by sendfile, or None if it is no file of known length."""
    if not isinstance(body, FileWrapper):
        return None
    file = body.file
    length = next((int(value) for name, value in headers if name == "Content-Length"), None)
    try:
        file.fileno()
        start = file.tell()
    except (AttributeError, OSError):  # WhiteNoise sends a range from an object that is no file
        return None
    if length is None:
        return None
    reply = FileReply(status, headers, file, start, length)

    def end() -> None:
        if reply.sent:
            file.seek(reply.start + reply.sent)  # `library.streams.body` counts by it
        file.close()

    reply.on_end = end
    return reply


def environment(exchange: Exchange, body: BinaryIO) -> dict[str, Any]:
    """Return the WSGI environment (PEP 3333) of a request."""
    request = exchange.request
    environ: dict[str, Any] = {
        **exchange.environment(),
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(exchange.path).decode("latin-1"),
        "QUERY_STRING": exchange.query,
        "SERVER_NAME": settings.HOST,
        "SERVER_PORT": str(settings.PORT),
        "SERVER_PROTOCOL": f"HTTP/{request.version.major}.{request.version.minor}",
        "REMOTE_ADDR": request.remote or "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme(request),
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.file_wrapper": FileWrapper,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in request.raw_headers:
        if key := _key(name):
            text = value.decode("latin-1")
            environ[key] = f"{environ[key]},{text}" if key in environ else text
    if exchange.is_absolute:
        environ["HTTP_HOST"] = exchange.host
    return environ


@lru_cache(maxsize=512)
def _key(name: bytes) -> str | None:
    """Return the key of a header field in the environment, or None for one to leave out.

    A name with an underscore could pass for one with a hyphen, such as one that a proxy sets.
    """
    if b"_" in name:
        return None
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
