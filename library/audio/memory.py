"""Audio that a process holds in memory because it does not fit on the disk.

Readers open and follow it like a file of the store. Other processes cannot: each downloads it for
itself. It stays until it is stale or its memory is needed, so that a listener can seek in it.
"""

import errno
import fcntl
import os
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from io import FileIO
from threading import Lock
from typing import BinaryIO

from library.audio.metadata import Metadata
from library.audio.open_audio import OpenAudio, described


class Memory:
    """The audio that a process holds in memory, by key. Threads can share an instance."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._parts: OrderedDict[str, MemoryPart] = OrderedDict()
        self._lock = Lock()
        weakref.finalize(self, _close_all, self._parts)

    def new_part(self, key: str, size: int) -> "MemoryPart":
        """Return a part for a download of `size` bytes, or of unknown size (0).

        Raises OSError if there is no memory, or on systems without memfd.
        """
        if not hasattr(os, "memfd_create"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with self._lock:
            self._make_room(size, replaced=key)
            part = self._parts[key] = MemoryPart(self, key, size)
            return part

    def grow(self, part: "MemoryPart", size: int) -> None:
        """Let a part have more bytes. Raises OSError if there is no memory."""
        with self._lock:
            self._make_room(size - part.size)
            part.size = size

    def _make_room(self, size: int, replaced: str = "") -> None:
        """Drop audio that was not used lately. Downloads in progress keep their memory."""
        used = sum(part.size for part in self._parts.values())
        for key, part in list(self._parts.items()):
            if part.saved and (key == replaced or used + size > self._max_bytes):
                used -= part.size
                self._parts.pop(key).file.close()
        if used + size > self._max_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def open(self, key: str, topic: str) -> OpenAudio | None:
        """Return the audio if it is fresh or growing. The caller closes it."""
        with self._lock:
            part = self._parts.get(key)
            if part is None or part.metadata is None:
                return None
            if part.saved and not part.metadata.fresh:
                return None
            self._parts.move_to_end(key)
            # A descriptor of its own, which shows whether the part is still locked.
            file = FileIO(f"/proc/self/fd/{part.file.fileno()}")
            return described(file, part.metadata, stored=False, topic=topic)

    def discard(self, key: str, part: "MemoryPart") -> None:
        with self._lock:
            if self._parts.get(key) is part:
                del self._parts[key]
        part.file.close()


class MemoryPart:
    """A download into memory (see `parts.Part`)."""

    def __init__(self, memory: Memory, key: str, size: int) -> None:
        self.file: BinaryIO = os.fdopen(os.memfd_create("clip"), "w+b")
        fcntl.flock(self.file, fcntl.LOCK_EX)
        self.size = size
        self.metadata: Metadata | None = None  # once readers can follow it
        self.saved = False
        self._memory, self._key = memory, key

    def grow(self, size: int) -> None:
        if size > self.size:
            self._memory.grow(self, size)

    def announce(self, metadata: Metadata) -> None:
        self.metadata = metadata

    def save(self, metadata: Metadata) -> None:
        self.metadata = metadata
        self.saved = True

    def close(self) -> None:
        if self.saved:
            fcntl.flock(self.file, fcntl.LOCK_UN)
        else:
            self._memory.discard(self._key, self)


def _close_all(parts: Mapping[str, MemoryPart]) -> None:
    for part in parts.values():
        part.file.close()
