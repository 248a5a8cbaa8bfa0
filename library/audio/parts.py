"""Where the bytes of a download go: to the disk, or into memory while the disk is full."""

import ctypes
import errno
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Protocol, TypeVar

from library.audio.entry import Entry
from library.audio.locks import FULL
from library.audio.metadata import Metadata, sync_folder

SPARE_BYTES = 65_536  # that must stay free, for metadata
STEP = 262_144  # bytes that are reserved before they arrive, unless all are
KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE

T = TypeVar("T")
MakeRoom = Callable[[int], object]  # evicts so many bytes


class Part(Protocol):
    """A download in progress. Its file is locked until the part is closed."""

    file: BinaryIO

    def grow(self, size: int) -> None:
        """Have space for so many bytes, or raise OSError with an errno of `locks.FULL`."""

    def announce(self, metadata: Metadata) -> None:
        """Let readers follow the file as it grows."""

    def save(self, metadata: Metadata) -> None:
        """Keep the complete file."""

    def close(self) -> None:
        """End the download, and discard a file that was not saved."""


class Promises:
    """The bytes for which a process reserves disk space because origins have announced them.

    Their sum is limited, because an origin can announce audio that it never sends.
    """

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes
        self._lock = Lock()

    def take(self, size: int) -> bool:
        """Take bytes from the sum and return whether there were so many."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give_back(self, size: int) -> None:
        with self._lock:
            self._left += size


class DiskPart:
    """A part in the store's folder."""

    def __init__(
        self, entry: Entry, length: int | None, promises: Promises, make_room: MakeRoom
    ) -> None:
        """Reserve `length` bytes, so that the disk cannot become full during the download.

        If the length is unknown or too many bytes are promised, reserve them as they arrive. Raises
        OSError with an errno of `locks.FULL` if the disk has less space, also after `make_room`.
        """
        self._entry = entry
        self._length = length
        self._promises = promises
        self._promised = 0
        self._make_room = make_room
        self._reserved = 0
        self.file = _with_room(entry.new_part, make_room, length or STEP)
        self._path: Path | None = Path(self.file.name)
        try:
            if length and promises.take(length):
                self._promised = length
            self.grow(self._promised or 1)
        except BaseException:
            self.close()
            raise

    def grow(self, size: int) -> None:
        if size > self._reserved:
            size = size + STEP if self._length is None else min(size + STEP, self._length)
            enlarge = partial(reserve, self.file.fileno(), size)
            _with_room(enlarge, self._make_room, size - self._reserved)
            self._reserved = size

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
        self._promises.give_back(self._promised)
        self._promised = 0
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        with suppress(OSError):  # what was still buffered
            self.file.close()


def _with_room(action: Callable[[], T], make_room: MakeRoom, size: int) -> T:
    """Call `action`, once more if the disk is full and `size` bytes have been evicted."""
    try:
        return action()
    except OSError as error:
        if error.errno not in FULL:
            raise
    make_room(size)
    return action()


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
