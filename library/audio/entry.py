"""One origin's audio in the store: its files, their names, and what may be believed of them.

For the key K of a URL the store's folder holds

    K.json           what is stored: the metadata, which name the body; replaced in one rename
    K.<id>.audio     the body, whole and synced before K.json names it
    K.growing        the metadata of a download under way that knows its length
    K.<id>.part      its bytes so far, under a `flock` of whoever writes them
    K.failed         why the last download failed
    K.claim          locked (`flock`) by whoever downloads

A process that dies takes its locks with it, so nothing it left is mistaken for work under way.
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

from library.audio.file_lock import is_abandoned, try_lock
from library.audio.open_audio import OpenAudio

TOUCH_SECONDS = 60  # how exactly the time of the last use is kept


@dataclass(frozen=True)
class Metadata:
    """What is known of a body besides its bytes. Times are seconds since 1970."""

    url: str
    body: str  # the file's name
    size: int
    content_type: str
    etag: str  # ours
    last_modified: int
    checked_at: float  # when the origin last sent or confirmed it
    fresh_until: float
    validators: dict[str, str]  # request headers that ask the origin whether it has changed

    @property
    def fresh(self) -> bool:
        """Whether it may be served without asking the origin."""
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
        """What is stored, None if nothing is. The file is the caller's to close."""
        while metadata := read_metadata(self._saved):
            try:
                return metadata, self._open(metadata, stored=True)
            except FileNotFoundError:
                if read_metadata(self._saved) == metadata:  # else it was replaced in between
                    return None
        return None

    def open_current(self, began: float) -> OpenAudio | None:
        """What is stored, if it is fresh or was checked since a request that `began` then."""
        saved = self.open_saved()
        if saved is None:
            return None
        metadata, audio = saved
        if metadata.fresh or metadata.checked_at >= began:
            return audio
        audio.file.close()
        return None

    def open_growing(self) -> OpenAudio | None:
        """The download under way, None if there is none that knows its length."""
        metadata = read_metadata(self._growing)
        if metadata is None:
            return None
        try:
            audio = self._open(metadata, stored=False)
        except FileNotFoundError:
            return None
        if is_abandoned(audio.file.fileno()):
            audio.file.close()
            return None
        return audio

    def touch(self) -> None:
        """Note that it was used, so that eviction spares it."""
        with contextlib.suppress(OSError):  # a disk that cannot be written still serves
            if time.time() - self._saved.stat().st_mtime > TOUCH_SECONDS:
                os.utime(self._saved)

    def failure(self, seconds: float) -> str | None:
        """The code of a failure in the last `seconds`."""
        try:
            if time.time() - self._failed.stat().st_mtime < seconds:
                return self._failed.read_text() or None
        except FileNotFoundError:
            pass
        return None

    def claim(self) -> int | None:
        """Become the one who downloads: a descriptor to close when done, None if another is.

        What a dead predecessor left unfinished is removed.
        """
        descriptor = try_lock(self._claim)
        if descriptor is None:
            return None
        try:
            left = read_metadata(self._growing)
            if left is not None:
                (self.folder / left.body).unlink(missing_ok=True)
            self._growing.unlink(missing_ok=True)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def new_part(self) -> BinaryIO:
        """An empty file for a download, locked while it is open."""
        path = self.folder / f"{self.key}.{secrets.token_hex(8)}.part"
        part = path.open("xb")
        fcntl.flock(part, fcntl.LOCK_EX)
        return part

    def announce(self, metadata: Metadata) -> None:
        """Let readers follow the part that this metadata name."""
        _write(self._growing, metadata)

    def save(self, metadata: Metadata) -> None:
        """Make this what is stored; the body it replaces is kept for those who just opened it."""
        before = read_metadata(self._saved)
        _write(self._saved, metadata, sync=True)
        self._failed.unlink(missing_ok=True)
        if before and before.body != metadata.body:
            with contextlib.suppress(FileNotFoundError):
                os.utime(self.folder / before.body)

    def fail(self, code: str) -> None:
        """Remember for a while why it could not be downloaded."""
        with contextlib.suppress(OSError):
            _replace(self._failed, code.encode())

    def withdraw(self) -> None:
        """End the announcement of a download."""
        self._growing.unlink(missing_ok=True)

    def _open(self, metadata: Metadata, *, stored: bool) -> OpenAudio:
        file = (self.folder / metadata.body).open("rb", buffering=0)
        if stored and os.fstat(file.fileno()).st_size != metadata.size:
            file.close()  # never seen; a damaged disk must not become damaged audio
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
    """The metadata in a file, None if there is none that is whole."""
    try:
        fields: dict[str, Any] = json.loads(path.read_bytes())
        return Metadata(**fields)
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _write(path: Path, metadata: Metadata, *, sync: bool = False) -> None:
    _replace(path, json.dumps(asdict(metadata)).encode(), sync=sync)


def _replace(path: Path, content: bytes, *, sync: bool = False) -> None:
    """Write a file so that nobody ever sees half of it, a power cut included if `sync`."""
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
    """Make the renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
