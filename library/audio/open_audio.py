"""Audio that is open for reading: a complete file, or one that is still being downloaded."""

import hashlib
import os
import time
from collections.abc import Generator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from library.audio.errors import AudioUnavailableError
from library.audio.locks import is_abandoned
from library.audio.sniff import SNIFF_BYTES, audio_type

READ_BYTES = 65536
POLL_SECONDS = 0.02  # between a reader's checks whether the file has grown


@dataclass
class OpenAudio:
    """Audio of known size and type. The caller that opened it closes `file`.

    `etag` is a strong validator in quotes, `last_modified` is seconds since 1970. `stored` means
    that the file is complete and stays at its path.
    """

    file: BinaryIO
    size: int
    content_type: str
    etag: str
    last_modified: int
    stored: bool = True

    @property
    def path(self) -> Path:
        return Path(self.file.name)

    @property
    def whole(self) -> bool:
        """Whether the file holds all `size` bytes."""
        return self.stored or os.fstat(self.file.fileno()).st_size >= self.size

    def chunks(self, start: int, length: int) -> Generator[bytes, None, None]:
        """Yield the bytes of a range, waiting for those that are still being downloaded.

        Raises AudioUnavailableError if the download ends before the range does.
        """
        descriptor, position, stop = self.file.fileno(), start, start + length
        while position < stop:
            chunk = os.pread(descriptor, min(READ_BYTES, stop - position), position)
            if chunk:
                position += len(chunk)
                yield chunk
            elif is_abandoned(descriptor) and os.fstat(descriptor).st_size <= position:
                raise AudioUnavailableError("origin_truncated")
            else:
                time.sleep(POLL_SECONDS)


def open_file(path: Path) -> OpenAudio:
    """Open a complete audio file. Raises AudioUnavailableError if it is missing or not audio."""
    try:
        file = path.open("rb", buffering=0)
    except OSError:
        raise AudioUnavailableError("file_missing") from None
    status = os.fstat(file.fileno())
    content_type = _type_of(path, status.st_mtime_ns, status.st_size)
    if content_type is None:
        file.close()
        raise AudioUnavailableError("file_not_audio")
    version = f"{path.name} {status.st_mtime_ns} {status.st_size}"
    return OpenAudio(
        file=file,
        size=status.st_size,
        content_type=content_type,
        etag=strong_etag(version),
        last_modified=int(status.st_mtime),
    )


def strong_etag(version: str) -> str:
    """Return an entity tag (RFC 9110, 8.8.3) for audio that `version` identifies uniquely."""
    return f'"{hashlib.sha256(version.encode()).hexdigest()[:32]}"'


@lru_cache(maxsize=4096)
def _type_of(path: Path, _mtime_ns: int, _size: int) -> str | None:
    with path.open("rb") as file:
        return audio_type(file.read(SNIFF_BYTES))
