"""The files of one URL's audio in the store.

For a URL with the key K, the store's folder holds

    K.json           the metadata of the stored audio, which names the body; replaced by one rename
    K.<id>.audio     the body, complete and synced before K.json names it
    K.growing        the metadata of a download in progress whose length is known
    K.<id>.part      the bytes downloaded so far, locked (`flock`) by the thread that writes them
    K.failed         the code of the last download's failure
    K.claim          locked (`flock`) by the thread that downloads

The kernel releases the locks of a process that dies, so the files that it leaves behind are never
mistaken for a download in progress.
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
import time
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from library.audio.locks import is_abandoned, try_lock
from library.audio.metadata import (
    Metadata,
    current_metadata,
    read_metadata,
    write_atomically,
    write_metadata,
)
from library.audio.open_audio import OpenAudio, described

TOUCH_SECONDS = 60  # precision of the time of last use


class Entry:
    """The files of one URL."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self.key = hashlib.sha256(url.encode()).hexdigest()[:40]
        self.folder = folder
        self.topic = f"{folder}/{self.key}"  # of announcements, and the start of each file's path
        self._used_at = 0.0

    @property
    def is_saved(self) -> bool:
        """Whether there is stored audio."""
        return self._saved.exists()

    def open_saved(self) -> tuple[Metadata, OpenAudio] | None:
        """Return the stored audio, or None. The caller closes its file."""
        missing = None
        while found := current_metadata(f"{self.topic}.json"):
            metadata, self._used_at = found
            try:
                return metadata, self._open(metadata, stored=True)
            except FileNotFoundError:
                if metadata == missing:
                    return None
                missing = metadata  # or it has just been replaced
        return None

    def open_current(self, began: float) -> OpenAudio | None:
        """Return the stored audio if it is fresh or was revalidated after `began`."""
        if saved := self.open_saved():
            metadata, audio = saved
            if metadata.fresh or metadata.checked_at >= began:
                return audio
            audio.close()
        return None

    def open_growing(self) -> OpenAudio | None:
        """Return the audio of a download in progress, or None if none has a known length."""
        found = current_metadata(f"{self.topic}.growing")
        try:
            audio = self._open(found[0], stored=False) if found else None
        except FileNotFoundError:
            return None
        if audio and is_abandoned(audio.fileno()):
            audio.close()
            return None
        return audio

    def touch(self) -> None:
        """Record the use of the saved audio, so that eviction removes other entries first."""
        if time.time() - self._used_at > TOUCH_SECONDS:
            with contextlib.suppress(OSError):  # a read-only disk can still serve
                os.utime(f"{self.topic}.json")

    def recent_failure(self, seconds: float, began: float) -> str | None:
        """Return the code of a failure in the last `seconds`, or since `began`; else None."""
        with contextlib.suppress(FileNotFoundError):
            if self._failed.stat().st_mtime >= min(began, time.time() - seconds):
                return self._failed.read_text() or None
        return None

    def claim(self) -> int | None:
        """Claim the download: return a descriptor to close at its end, or None if it is claimed.

        Removes the unfinished files of a process that died.
        """
        descriptor = try_lock(Path(f"{self.topic}.claim"))
        if descriptor is None:
            return None
        try:
            unfinished = read_metadata(self._growing)
            if unfinished is not None:
                (self.folder / unfinished.body).unlink(missing_ok=True)
            self._growing.unlink(missing_ok=True)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def new_part(self) -> BinaryIO:
        """Return a new file for a download, locked while it is open."""
        path = self.folder / f"{self.key}.{secrets.token_hex(8)}.part"
        part = path.open("x+b")
        fcntl.flock(part, fcntl.LOCK_EX)
        return part

    def announce(self, metadata: Metadata) -> None:
        """Let readers follow the part that the metadata names."""
        write_metadata(self._growing, metadata)

    def save(self, metadata: Metadata) -> None:
        before = read_metadata(self._saved)
        write_metadata(self._saved, metadata, sync=True)
        self._failed.unlink(missing_ok=True)
        if before and before.body != metadata.body:
            with contextlib.suppress(FileNotFoundError):  # readers may be about to open it
                os.utime(self.folder / before.body)  # so eviction keeps it for ORPHAN_SECONDS

    def record_failure(self, code: str) -> None:
        with contextlib.suppress(OSError):
            write_atomically(self._failed, code.encode())

    def end_announcement(self) -> None:
        self._growing.unlink(missing_ok=True)

    def _open(self, metadata: Metadata, *, stored: bool) -> OpenAudio:
        file = FileIO(f"{self.folder}/{metadata.body}")
        if stored and os.fstat(file.fileno()).st_size != metadata.size:
            file.close()  # never observed, but a damaged disk must not become damaged audio
            raise FileNotFoundError(metadata.body)
        return described(file, metadata, stored=stored, topic="" if stored else self.topic)

    @property
    def _saved(self) -> Path:
        return Path(f"{self.topic}.json")

    @property
    def _growing(self) -> Path:
        return Path(f"{self.topic}.growing")

    @property
    def _failed(self) -> Path:
        return Path(f"{self.topic}.failed")
