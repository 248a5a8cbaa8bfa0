"""The bodies of audio responses, which count the bytes sent.

The server closes a body however the response ends. This calls `on_close` once.
"""

import errno
from collections.abc import Callable, Generator, Iterator
from io import FileIO
from typing import Protocol

from library.audio.byte_range import ByteRange
from library.audio.errors import AudioUnavailableError
from library.audio.open_audio import OpenAudio


class Sending(Protocol):
    """Audio that is being sent."""

    @property
    def sent(self) -> int:
        """Bytes passed to the network so far."""

    @property
    def outcome(self) -> str:
        """`completed`, `client_closed`, or `error` if the download failed."""


class Body(Sending, Protocol):
    """The body of a WSGI response with audio."""

    on_close: Callable[[], None]


class FileBody(FileIO):
    """A part of a complete file. A server with `wsgi.file_wrapper` sends it by sendfile.

    When socket.sendfile() ends, it seeks to the offset that it has reached, even if the client has
    disconnected. `sent` follows from that offset.
    """

    def __init__(self, audio: OpenAudio, part: ByteRange) -> None:
        """Own the audio's file from now on: `close` closes it."""
        super().__init__(audio.file.fileno(), "rb", closefd=False)
        self._audio, self._part = audio, part
        self._reached = part.start
        self.on_close: Callable[[], None] = lambda: None
        self.seek(part.start)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        position = super().seek(offset, whence)
        if whence == 0:
            self._reached = max(self._reached, min(position, self._part.stop))
        return position

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, at most to the end of the part."""
        remaining = self._part.stop - self.tell()
        data = super().read(remaining if size is None or size < 0 else min(size, remaining)) or b""
        self._reached = max(self._reached, self.tell())
        return data

    @property
    def sent(self) -> int:
        return self._reached - self._part.start

    @property
    def outcome(self) -> str:
        return "completed" if self.sent == self._part.length else "client_closed"

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._audio.file.close()
            self.on_close()


def _chain(first: bytes, rest: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    yield first
    yield from rest


class FollowedBody:
    """A part of a file that is still being downloaded."""

    def __init__(self, audio: OpenAudio, part: ByteRange) -> None:
        """Own the audio's file from now on: `close` closes it."""
        self._audio, self._part = audio, part
        self._chunks = audio.chunks(part.start, part.length)
        self._handed_out = 0  # includes the last chunk, even if the client has disconnected
        self.sent = 0
        self.failed = False
        self.closed = False
        self.on_close: Callable[[], None] = lambda: None

    def await_start(self) -> None:
        """Wait for the first bytes, while the response can still be an error.

        Raises AudioUnavailableError.
        """
        first = next(self._chunks)
        self._chunks = _chain(first, self._chunks)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.sent = self._handed_out
        try:
            chunk = next(self._chunks)
        except AudioUnavailableError:
            self.failed = True
            # The server treats this error as a disconnected client and closes the connection, so
            # the client sees the failure. The download logs the cause, once.
            raise ConnectionResetError(errno.ECONNRESET, "the download failed") from None
        self._handed_out += len(chunk)
        return chunk

    @property
    def outcome(self) -> str:
        if self.failed:
            return "error"
        return "completed" if self.sent == self._part.length else "client_closed"

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._chunks.close()
            self._audio.file.close()
            self.on_close()
