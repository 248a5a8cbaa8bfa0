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
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from library.audio.locks import is_abandoned, try_lock
from library.audio.open_audio import OpenAudio

TOUCH_SECONDS = 60  # precision of the time of last use


@dataclass(frozen=True)
class Metadata:
    """The metadata of a body. Times are seconds since 1970."""

    url: str
    body: str  # its file name
    size: int
    content_type: str
    etag: str  # of this service, not the origin's
    last_modified: int
    checked_at: float  # when the origin last sent or revalidated it
    fresh_until: float
    validators: dict[str, str]  # request headers for revalidation by the origin

    @property
    def fresh(self) -> bool:
        """Whether the body may be served without revalidation."""
        return time.time() < self.fresh_until


class Entry:
    """The files of one URL."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self.key = hashlib.sha256(url.encode()).hexdigest()[:40]
        self.folder = folder
        self._saved = folder / f"{self.key}.json"
        self._growing = folder / f"{self.key}.growing"
        self._failed = folder / f"{self.key}.failed"
        self._claim = folder / f"{self.key}.claim"

    def open_saved(self) -> tuple[Metadata, OpenAudio] | None:
        """Return the stored audio, or None. The caller closes its file."""
        while metadata := read_metadata(self._saved):
            try:
                return metadata, self._open(metadata, stored=True)
            except FileNotFoundError:
                if read_metadata(self._saved) == metadata:  # or it has just been replaced
                    return None
        return None

    def open_current(self, began: float) -> OpenAudio | None:
        """Return the stored audio if it is fresh or was revalidated after `began`."""
        if saved := self.open_saved():
            metadata, audio = saved
            if metadata.fresh or metadata.checked_at >= began:
                return audio
            audio.file.close()
        return None

    def open_growing(self) -> OpenAudio | None:
        """Return the audio of a download in progress, or None if none has a known length."""
        metadata = read_metadata(self._growing)
        try:
            audio = self._open(metadata, stored=False) if metadata else None
        except FileNotFoundError:
            return None
        if audio and is_abandoned(audio.file.fileno()):
            audio.file.close()
            return None
        return audio

    def touch(self) -> None:
        """Record the use, so that eviction removes other entries first."""
        with contextlib.suppress(OSError):  # a read-only disk can still serve
            if time.time() - self._saved.stat().st_mtime > TOUCH_SECONDS:
                os.utime(self._saved)

    def recent_failure(self, seconds: float) -> str | None:
        with contextlib.suppress(FileNotFoundError):
            if time.time() - self._failed.stat().st_mtime < seconds:
                return self._failed.read_text() or None
        return None

    def claim(self) -> int | None:
        """Claim the download: return a descriptor to close at its end, or None if it is claimed.

        Removes the unfinished files of a process that died.
        """
        descriptor = try_lock(self._claim)
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
        part = path.open("xb")
        fcntl.flock(part, fcntl.LOCK_EX)
        return part

    def announce(self, metadata: Metadata) -> None:
        """Let readers follow the part that the metadata names."""
        _write_metadata(self._growing, metadata)

    def save(self, metadata: Metadata) -> None:
        before = read_metadata(self._saved)
        _write_metadata(self._saved, metadata, sync=True)
        self._failed.unlink(missing_ok=True)
        if before and before.body != metadata.body:
            with contextlib.suppress(FileNotFoundError):  # readers may be about to open it
                os.utime(self.folder / before.body)  # so eviction keeps it for ORPHAN_SECONDS

    def record_failure(self, code: str) -> None:
        with contextlib.suppress(OSError):
            _write_atomically(self._failed, code.encode())

    def end_announcement(self) -> None:
        self._growing.unlink(missing_ok=True)

    def _open(self, metadata: Metadata, *, stored: bool) -> OpenAudio:
        file = (self.folder / metadata.body).open("rb", buffering=0)
        if stored and os.fstat(file.fileno()).st_size != metadata.size:
            file.close()  # never observed, but a damaged disk must not become damaged audio
            raise FileNotFoundError(metadata.body)
        return OpenAudio(
            file=file,
            size=metadata.size,
            content_type=metadata.content_type,
            etag=metadata.etag,
            last_modified=metadata.last_modified,
            stored=stored,
        )


def read_metadata(path: Path) -> Metadata | None:
    """Return the metadata in a file, or None if it is missing or damaged."""
    try:
        fields: dict[str, Any] = json.loads(path.read_bytes())
        return Metadata(**fields)
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _write_metadata(path: Path, metadata: Metadata, *, sync: bool = False) -> None:
    _write_atomically(path, json.dumps(asdict(metadata)).encode(), sync=sync)


def _write_atomically(path: Path, content: bytes, *, sync: bool = False) -> None:
    """Replace a file so that it is never incomplete, with `sync` not even after a power failure."""
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    if sync:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
