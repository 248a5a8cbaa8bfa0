"""The metadata of a body in the audio store, kept in a small JSON file beside it."""

import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
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


def read_metadata(path: str | Path) -> Metadata | None:
    """Return the metadata in a file, or None if it is missing or damaged."""
    try:
        fields: dict[str, Any] = json.loads(Path(path).read_bytes())
        return Metadata(**fields)
    except (FileNotFoundError, ValueError, TypeError):
        return None


def current_metadata(path: str) -> tuple[Metadata, float] | None:
    """Return the metadata in a file and when the file was last touched, or None.

    The file is parsed again only after a change: every request needs its metadata. A replaced,
    rewritten or touched file has another change time.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    metadata = _parsed(path, status.st_ino, status.st_ctime_ns, status.st_size)
    return (metadata, status.st_mtime) if metadata else None


@lru_cache(maxsize=4096)
def _parsed(path: str, _inode: int, _changed_ns: int, _size: int) -> Metadata | None:
    return read_metadata(path)


def write_metadata(path: Path, metadata: Metadata, *, sync: bool = False) -> None:
    """Replace the metadata in a file."""
    write_atomically(path, json.dumps(asdict(metadata)).encode(), sync=sync)


def write_atomically(path: Path, content: bytes, *, sync: bool = False) -> None:
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
