"""Audio that is open for reading: a complete file, or one that is still being downloaded."""

import hashlib
import os
from collections.abc import Generator
from dataclasses import dataclass
from functools import lru_cache
from io import FileIO
from itertools import repeat
from pathlib import Path

from library.audio import growth
from library.audio.containers.reader import Reader
from library.audio.containers.results import Audio, Refusal
from library.audio.errors import AudioUnavailableError
from library.audio.locks import is_abandoned
from library.audio.metadata import Metadata
from library.audio.recognition import recognize

READ_BYTES = 65536
POLL_SECONDS = 0.02  # between a reader's checks whether another process has written more


@dataclass(slots=True)
class OpenAudio:
    """Audio of known size and type. The caller that opened it calls `close`.

    `etag` is a strong validator in quotes, `last_modified` is seconds since 1970. `stored` means
    that the file is complete and stays at its path. `topic` is where the growth of other files is
    announced.
    """

    file: FileIO
    size: int
    content_type: str
    etag: str
    last_modified: int
    stored: bool = True
    topic: str = ""

    @property
    def path(self) -> Path:
        return Path(self.file.name)

    @property
    def whole(self) -> bool:
        """Whether the file holds all `size` bytes."""
        return self.stored or self.size_now() >= self.size

    def fileno(self) -> int:
        return self.file.fileno()

    def close(self) -> None:
        self.file.close()

    def size_now(self) -> int:
        """Return the number of bytes that the file has already."""
        return os.fstat(self.file.fileno()).st_size

    def available(self, position: int) -> int | None:
        """Return the number of bytes in the file from `position` on, or None if it will grow.

        Raises AudioUnavailableError if the download ended before `position`.
        """
        available = self.size_now() - position
        if available <= 0:
            if not is_abandoned(self.file.fileno()):
                return None
            available = self.size_now() - position  # the download ended since the first look
            if available <= 0:
                raise AudioUnavailableError("origin_truncated")
        return available

    def chunks(self, start: int, length: int) -> Generator[bytes, None, None]:
        """Yield the bytes of a range, waiting for those that are still being downloaded.

        Raises AudioUnavailableError if the download ends before the range does.
        """
        position, stop = start, start + length
        while position < stop:
            chunk = os.pread(self.file.fileno(), min(READ_BYTES, stop - position), position)
            if chunk:
                position += len(chunk)
                yield chunk
            else:
                self._await(position)

    def sha256(self) -> str:
        """Return the hash of all bytes in hexadecimal, once the download is complete.

        Raises AudioUnavailableError if the download fails.
        """
        digest = hashlib.sha256()
        for chunk in self.chunks(0, self.size):
            digest.update(chunk)
        return digest.hexdigest()

    def _await(self, position: int) -> None:
        def ready() -> int | None:
            return self.available(position)

        growth.wait_until(self.topic, ready, repeat(POLL_SECONDS), self.size_now)


def described(file: FileIO, metadata: Metadata, *, stored: bool, topic: str) -> OpenAudio:
    """Return the open audio that the metadata describes."""
    return OpenAudio(
        file=file,
        size=metadata.size,
        content_type=metadata.content_type,
        etag=metadata.etag,
        last_modified=metadata.last_modified,
        stored=stored,
        topic=topic,
    )


def open_file(path: str | Path) -> OpenAudio:
    """Open a complete audio file. Raises AudioUnavailableError if it is missing or not audio."""
    name = os.fspath(path)
    try:
        file = FileIO(name)
    except OSError:
        raise AudioUnavailableError("file_missing") from None
    status = os.fstat(file.fileno())
    try:
        found, etag = _identified(name, status.st_mtime_ns, status.st_size)
    except OSError:
        file.close()
        raise AudioUnavailableError("file_missing") from None
    if isinstance(found, Refusal):
        file.close()
        raise AudioUnavailableError("file_not_audio", explanation=found.sentence)
    return OpenAudio(file, status.st_size, found.content_type, etag, int(status.st_mtime))


def open_known(path: str | Path, content_type: str, etag: str) -> OpenAudio:
    """Open a complete audio file of known type and entity tag. Raises OSError."""
    file = FileIO(os.fspath(path))
    status = os.fstat(file.fileno())
    return OpenAudio(file, status.st_size, content_type, etag, int(status.st_mtime))


def strong_etag(version: str) -> str:
    """Return an entity tag (RFC 9110, 8.8.3) for audio that `version` identifies uniquely."""
    return f'"{hashlib.sha256(version.encode()).hexdigest()[:32]}"'


@lru_cache(maxsize=4096)
def _identified(path: str, mtime_ns: int, size: int) -> tuple[Audio | Refusal, str]:
    """Return what a file is and its entity tag."""
    with FileIO(path) as file:
        found = recognize(Reader(file))
    return found, strong_etag(f"{os.path.basename(path)} {mtime_ns} {size}")
