"""A body that a thread writes at its own speed, while the event loop sends it at the client's."""

import asyncio
import logging
import os
import tempfile
from collections.abc import AsyncGenerator, Iterable
from typing import BinaryIO

from clips_site.server.front.reply import CHUNK

logger = logging.getLogger(__name__)


def write_all(file: BinaryIO, data: bytes) -> None:
    """Write all bytes to a file without a buffer, of which each write may take only some."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


class Spool:
    """Bytes on their way from a thread to the event loop, kept in a temporary file.

    One thread calls `write_all`; one coroutine iterates over `pieces`, and calls `close` at last.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - both sides may still use it
        self._written = 0
        self._finished = self._failed = self._closed = False
        self._grown = asyncio.Event()

    def write_all(self, body: Iterable[bytes]) -> None:
        """Take all of a response body, in the thread, and close it.

        If the body fails, so does `pieces`, at that point. After `close`, the rest is not taken.
        """
        try:
            for data in body:
                if self._closed:
                    break
                self._write(data)
        except Exception:
            self._failed = True
            logger.exception("A response broke off")
        finally:
            body.close()  # type: ignore[attr-defined]  # of Django's responses
            self._finished = True
            if self._closed:
                self._file.close()
            else:
                self._wake()

    def close(self) -> None:
        """Give up what has not been sent."""
        self._closed = True
        if self._finished:  # or the thread still writes, and closes the file
            self._file.close()

    def _write(self, data: bytes) -> None:
        write_all(self._file, data)
        self._written += len(data)
        self._wake()

    def _wake(self) -> None:
        if not self._grown.is_set():
            self._loop.call_soon_threadsafe(self._grown.set)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the bytes as they arrive. Raises ConnectionResetError if the thread failed."""
        position = 0
        while True:
            self._grown.clear()
            finished, written = self._finished, self._written
            while position < written:
                data = os.pread(self._file.fileno(), CHUNK, position)
                position += len(data)
                yield data
            if finished:
                break
            await self._grown.wait()
        if self._failed:
            raise ConnectionResetError
