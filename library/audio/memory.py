"""Audio that a process holds in memory because it does not fit on the disk.

Readers open and follow it like a file of the store. Other processes cannot: each downloads it for
itself. It stays until it is stale or its memory is needed, so that a listener can seek in it. If
downloads in progress need all the memory, the next one waits.
"""

import errno
import fcntl
import os
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from io import FileIO
from threading import Condition
from typing import BinaryIO

from library.audio.metadata import Metadata
from library.audio.open_audio import OpenAudio, described


class Memory:
    """The audio that a process holds in memory, by key. Threads can share an instance."""

    def __init__(self, max_bytes: int, timeout: float) -> None:
        """`timeout` is how many seconds a download waits for memory."""
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._parts: OrderedDict[str, MemoryPart] = OrderedDict()
        self._changed = Condition()
        weakref.finalize(self, _close_all, self._parts)

    def new_part(self, key: str, size: int) -> "MemoryPart":
        """Return a part for a download of `size` bytes, or of unknown size (0).

        Raises OSError if there is no memory, or on systems without memfd.
        """
        if not hasattr(os, "memfd_create"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with self._changed:
            self._await_room(size, replaced=key)
            part = self._parts[key] = MemoryPart(self, key, size)
            return part

    def grow(self, part: "MemoryPart", size: int) -> None:
        """Let a part have more bytes. Raises OSError if there is no memory."""
        with self._changed:
            self._await_room(size, part.size)
            part.size = size

    def keep(self, part: "MemoryPart", metadata: Metadata) -> None:
        """Keep a complete part until its memory is needed."""
        with self._changed:
            part.size, part.metadata, part.saved = metadata.size, metadata, True
            fcntl.flock(part.file, fcntl.LOCK_UN)
            self._changed.notify_all()

    def _await_room(self, size: int, held: int = 0, replaced: str = "") -> None:
        """Wait for memory for a part of `size` bytes, of which it holds some already.

        Raises OSError if there is none in time.
        """
        if size > self._max_bytes or not self._changed.wait_for(
            lambda: self._make_room(size - held, replaced), self._timeout
        ):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _make_room(self, size: int, replaced: str) -> bool:
        """Drop audio that was not used lately until there is room, and return whether there is.

        Downloads in progress keep their memory.
        """
        used = sum(part.size for part in self._parts.values())
        for key, part in list(self._parts.items()):
            if part.saved and (key == replaced or used + size > self._max_bytes):
                used -= part.size
                self._parts.pop(key).file.close()
        return used + size <= self._max_bytes

    def open(self, key: str, topic: str) -> OpenAudio | None:
        """Return the audio if it is fresh or growing. The caller closes it."""
        with self._changed:
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
        with self._changed:
            if self._parts.get(key) is part:
                del self._parts[key]
            part.file.close()
            self._changed.notify_all()


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
        self._memory.keep(self, metadata)

    def close(self) -> None:
        if not self.saved:  # otherwise the memory closes the file
            self._memory.discard(self._key, self)


def _close_all(parts: Mapping[str, MemoryPart]) -> None:
    for part in parts.values():
        part.file.close()
