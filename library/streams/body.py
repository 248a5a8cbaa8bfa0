"""The bodies of audio responses: what is sent of an open file, and how much of it was.

Both tell `sent`, the bytes handed to the network so far, and `outcome`; closing them, which the
server does however the response ends, calls `on_close` once.
"""

import errno
from collections.abc import Callable, Generator, Iterator
from io import FileIO
from typing import Protocol

from library.audio.byte_range import ByteRange
from library.audio.errors import AudioUnavailableError
from library.audio.open_audio import OpenAudio


class Body(Protocol):
    """What a response sends."""

    on_close: Callable[[], None]

    @property
    def sent(self) -> int:
        """Bytes handed to the network."""

    @property
    def outcome(self) -> str:
        """`completed`, `client_closed`, or `error` if the audio broke off."""


def _nothing() -> None:
    pass


class FileBody(FileIO):
    """A part of a whole file, which a server with `wsgi.file_wrapper` sends by sendfile.

    socket.sendfile() seeks to the offset it has reached when it ends, whether all was sent or the
    client has left: that tells `sent`.
    """

    def __init__(self, audio: OpenAudio, part: ByteRange) -> None:
        """Takes over the audio's file."""
        super().__init__(audio.file.fileno(), "rb", closefd=False)
        self._audio, self._part = audio, part
        self._reached = part.start
        self.on_close: Callable[[], None] = _nothing
        self.seek(part.start)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to an offset."""
        position = super().seek(offset, whence)
        if whence == 0:
            self._reached = max(self._reached, min(position, self._part.stop))
        return position

    def read(self, size: int | None = -1, /) -> bytes:
        """Read on, to the end of the part at the furthest."""
        left = self._part.stop - self.tell()
        data = super().read(left if size is None or size < 0 else min(size, left)) or b""
        self._reached = max(self._reached, self.tell())
        return data

    @property
    def sent(self) -> int:
        """Bytes handed to the network."""
        return self._reached - self._part.start

    @property
    def outcome(self) -> str:
        """Whether all of them were."""
        return "completed" if self.sent == self._part.length else "client_closed"

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            super().close()
            self._audio.file.close()
            self.on_close()


def _before(first: bytes, rest: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    yield first
    yield from rest


class FollowedBody:
    """A part of a file that still grows."""

    def __init__(self, audio: OpenAudio, part: ByteRange) -> None:
        """Takes over the audio's file."""
        self._audio, self._part = audio, part
        self._chunks = audio.chunks(part.start, part.length)
        self._handed_out = 0  # its last piece may not have been sent when the client left
        self.sent = 0
        self.failed = False
        self.closed = False
        self.on_close: Callable[[], None] = _nothing

    def await_start(self) -> None:
        """Wait for the first bytes, while a failure can still be answered as one.

        Raises AudioUnavailableError.
        """
        first = next(self._chunks)
        self._chunks = _before(first, self._chunks)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.sent = self._handed_out
        try:
            chunk = next(self._chunks)
        except AudioUnavailableError:
            self.failed = True
            # The server takes it for a client that has gone and closes the connection, so that
            # this client sees the failure. Why it failed is logged by the download, once.
            raise ConnectionResetError(errno.ECONNRESET, "the audio broke off") from None
        self._handed_out += len(chunk)
        return chunk

    @property
    def outcome(self) -> str:
        """How it ended."""
        if self.failed:
            return "error"
        return "completed" if self.sent == self._part.length else "client_closed"

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self.closed = True
            self._chunks.close()
            self._audio.file.close()
            self.on_close()
