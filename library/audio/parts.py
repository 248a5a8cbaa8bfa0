"""Where the bytes of a download go: to the disk, or into memory while the disk is full."""

import ctypes
import errno
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Protocol

from library.audio.entry import Entry
from library.audio.locks import FULL
from library.audio.metadata import Metadata, sync_folder

SPARE_BYTES = 65_536  # that must stay free, for metadata
KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE


class Part(Protocol):
    """A download in progress. Its file is locked until the part is closed."""

    file: BinaryIO

    def grow(self, size: int) -> None:
        """Have space for so many bytes, or raise OSError."""

    def announce(self, metadata: Metadata) -> None:
        """Let readers follow the file as it grows."""

    def save(self, metadata: Metadata) -> None:
        """Keep the complete file."""

    def close(self) -> None:
        """End the download, and discard a file that was not saved."""


class DiskPart:
    """A part in the store's folder."""

    def __init__(self, entry: Entry, size: int) -> None:
        """Reserve `size` bytes, so that the disk cannot become full during the download.

        Raises OSError with an errno of `locks.FULL` if the disk has less space.
        """
        self._entry = entry
        self.file = entry.new_part()
        self._path: Path | None = Path(self.file.name)
        try:
            reserve(self.file.fileno(), size)
        except BaseException:
            self.close()
            raise

    def grow(self, size: int) -> None:
        """Do nothing: the space is reserved."""

    def announce(self, metadata: Metadata) -> None:
        self._entry.announce(replace(metadata, body=Path(self.file.name).name))

    def save(self, metadata: Metadata) -> None:
        os.ftruncate(self.file.fileno(), metadata.size)  # frees the rest of the reservation
        os.fsync(self.file.fileno())
        part = Path(self.file.name)
        self._path = body = part.rename(part.with_suffix(".audio"))
        sync_folder(body.parent)
        self._entry.save(replace(metadata, body=body.name))
        self._path = None

    def close(self) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        with suppress(OSError):  # what was still buffered
            self.file.close()


def reserve(descriptor: int, size: int) -> None:
    """Reserve space on the disk for `size` bytes of a file, without changing its length.

    Some systems and file systems cannot reserve it. Raises OSError if the disk is full.
    """
    with suppress(AttributeError):  # of a system without it
        arguments = (ctypes.c_int64(0), ctypes.c_int64(size))
        if ctypes.CDLL(None, use_errno=True).fallocate(descriptor, KEEP_SIZE, *arguments):
            code = ctypes.get_errno()
            if code in FULL:
                raise OSError(code, os.strerror(code))
    disk = os.fstatvfs(descriptor)
    if disk.f_blocks and disk.f_bavail * disk.f_frsize < SPARE_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
