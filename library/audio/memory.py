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
        """Return a part for a download of `size` bytes, instead of audio that was not used lately.

        Raises OSError if downloads in progress need the memory, or on systems without memfd.
        """
        with self._lock:
            used = sum(part.size for part in self._parts.values())
            for other, part in list(self._parts.items()):
                if part.saved and (other == key or used + size > self._max_bytes):
                    used -= part.size
                    self._parts.pop(other).file.close()
            if used + size > self._max_bytes or not hasattr(os, "memfd_create"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            part = self._parts[key] = MemoryPart(self, key, size)
            return part

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
