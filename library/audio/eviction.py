"""Keeping the audio store to its size: the least recently used goes first."""

import contextlib
import fcntl
import os
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from library.audio.entry import read_metadata
from library.audio.file_lock import is_abandoned, try_lock
from library.telemetry import instruments

LOCK_NAME = "eviction.lock"
TIDY_SECONDS = 300
ORPHAN_SECONDS = 60  # how long a body that was replaced stays for those who just opened it


@dataclass
class Kept:
    """One entry's files: when it was last used (seconds since 1970), and its bytes on disk."""

    key: str
    used_at: float = 0.0
    size: int = 0
    files: list[Path] = field(default_factory=list)


@dataclass
class Evicted:
    """What an eviction did: entries and bytes removed, bytes that stay."""

    entries: int = 0
    removed: int = 0
    remaining: int = 0


def is_due(folder: Path) -> bool:
    """Whether nobody has tidied for a while: failures, too, leave small files."""
    try:
        return time.time() - (folder / LOCK_NAME).stat().st_mtime > TIDY_SECONDS
    except FileNotFoundError:
        return True


def evict(
    folder: Path, max_bytes: int, keep_seconds: float = 0.0, *, wait: bool = False
) -> Evicted:
    """Remove what nobody needs, then the least recently used until `max_bytes` suffice.

    Readers are not disturbed: a deleted file lives while it is open. An entry used within the
    last `keep_seconds` stays. While another eviction is under way nothing is done, or with `wait`
    its end is awaited.
    """
    done = Evicted()
    with (folder / LOCK_NAME).open("w") as lock:  # opening it notes the time
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return done
        _remove_leftovers(folder)
        kept = scan(folder)
        done.remaining = sum(entry.size for entry in kept)
        for entry in sorted(kept, key=lambda entry: entry.used_at):
            if done.remaining <= max_bytes or time.time() - entry.used_at < keep_seconds:
                break
            for path in sorted(entry.files, key=lambda path: path.suffix != ".json"):
                path.unlink(missing_ok=True)  # the metadata first: nothing names a missing body
            done.entries += 1
            done.removed += entry.size
            done.remaining -= entry.size
            instruments.audio_store_evicted_bytes.inc(entry.size)
    return done


def stored_bytes(folder: Path) -> int:
    """The bytes of the bodies in a store's folder, those that are still coming in included."""
    total = 0
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as files:
        for file in files:
            if file.name.endswith((".audio", ".part")):
                with contextlib.suppress(FileNotFoundError):
                    total += file.stat().st_size
    return total


def scan(folder: Path) -> list[Kept]:
    """The entries of a store's folder with their bodies, in no order."""
    found: dict[str, Kept] = defaultdict(lambda: Kept(""))
    with os.scandir(folder) as files:
        for file in files:
            if not file.name.endswith((".json", ".audio", ".part")):
                continue
            with contextlib.suppress(FileNotFoundError):
                status = file.stat()
                entry = found[file.name.split(".")[0]]
                entry.key = file.name.split(".")[0]
                entry.size += status.st_size
                if file.name.endswith(".part"):
                    entry.used_at = time.time()  # under way
                else:
                    entry.files.append(Path(file.path))
                    entry.used_at = max(entry.used_at, status.st_mtime)
    return list(found.values())


def _remove_leftovers(folder: Path) -> None:
    """Delete what no entry needs: parts of dead downloads, replaced bodies, old small files."""
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
            elif path.suffix in (".claim", ".turn"):
                _unlink_unlocked(path)


def _unlink_unlocked(path: Path) -> None:
    """Delete a lock's file unless it is held."""
    descriptor = try_lock(path)
    if descriptor is not None:
        path.unlink()
        os.close(descriptor)
