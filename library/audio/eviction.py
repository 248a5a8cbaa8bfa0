"""Evict the least recently used audio when the store is too large."""

import contextlib
import fcntl
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from library.audio.locks import is_abandoned, try_lock
from library.audio.metadata import read_metadata
from library.telemetry import instruments

LOCK_NAME = "eviction.lock"
DUE_SECONDS = 300  # after the last eviction
ORPHAN_SECONDS = 60  # for which a replaced body stays: readers may be about to open it


@dataclass
class StoredEntry:
    """One entry's files, their size in bytes and when they were last used (seconds since 1970)."""

    key: str
    used_at: float = 0.0
    size: int = 0
    files: list[Path] = field(default_factory=list)


@dataclass
class EvictionResult:
    """The numbers of entries and bytes removed, and of bytes that remain."""

    entries: int = 0
    removed: int = 0
    remaining: int = 0


def is_eviction_due(folder: Path) -> bool:
    """Return whether the last eviction is long ago: failed downloads leave small files, too."""
    try:
        return time.time() - (folder / LOCK_NAME).stat().st_mtime > DUE_SECONDS
    except FileNotFoundError:
        return True


def evict(
    folder: Path, max_bytes: int, keep_seconds: float = 0.0, *, wait: bool = False
) -> EvictionResult:
    """Remove leftover files, then the least recently used entries until `max_bytes` suffice.

    Readers are not disturbed: a deleted file exists as long as it is open. Entries used within the
    last `keep_seconds` stay. If another eviction is in progress, this one does nothing, or with
    `wait` runs after it.
    """
    result = EvictionResult()
    with (folder / LOCK_NAME).open("w") as lock:  # opening it updates its modification time
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return result
        _remove_leftovers(folder)
        entries = scan(folder)
        result.remaining = sum(entry.size for entry in entries)
        for entry in sorted(entries, key=lambda entry: entry.used_at):
            if result.remaining <= max_bytes or time.time() - entry.used_at < keep_seconds:
                break
            for path in sorted(entry.files, key=lambda path: path.suffix != ".json"):
                path.unlink(missing_ok=True)  # metadata first: it must not name a missing body
            result.entries += 1
            result.removed += entry.size
            result.remaining -= entry.size
            instruments.audio_store_evicted_bytes.inc(entry.size)
    return result


def stored_bytes(folder: Path) -> int:
    """Return the size of all bodies in a store's folder, including downloads in progress."""
    total = 0
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as files:
        for file in files:
            if file.name.endswith((".audio", ".part")):
                with contextlib.suppress(FileNotFoundError):
                    total += file.stat().st_size
    return total


def scan(folder: Path) -> list[StoredEntry]:
    """Return the entries in a store's folder, in no particular order."""
    found: dict[str, StoredEntry] = {}
    with os.scandir(folder) as files:
        for file in files:
            if not file.name.endswith((".json", ".audio", ".part")):
                continue
            with contextlib.suppress(FileNotFoundError):
                status = file.stat()
                key = file.name.split(".")[0]
                entry = found.setdefault(key, StoredEntry(key))
                entry.size += status.st_size
                if file.name.endswith(".part"):
                    entry.used_at = time.time()  # in progress
                else:
                    entry.files.append(Path(file.path))
                    entry.used_at = max(entry.used_at, status.st_mtime)
    return list(found.values())


def _remove_leftovers(folder: Path) -> None:
    """Delete parts of dead downloads, replaced bodies and old small files."""
    bodies = {m.body for path in folder.glob("*.json") if (m := read_metadata(path))}
    now = time.time()
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            age = now - path.stat().st_mtime
            if age < ORPHAN_SECONDS or path.name in bodies:
                continue
            if path.suffix == ".part":
                with path.open("rb") as part:
                    if is_abandoned(part.fileno()):
                        path.unlink()
            elif path.suffix in (".audio", ".failed", ".new"):
                path.unlink()
            elif path.suffix in (".claim", ".slot"):
                descriptor = try_lock(path)
                if descriptor is not None:
                    path.unlink()
                    os.close(descriptor)
