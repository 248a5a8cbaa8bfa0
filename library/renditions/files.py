"""The files of renditions, named by the hash of their content, below MEDIA_ROOT."""

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from hashlib import file_digest
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.core.files.storage import default_storage

from library.audio.open_audio import OpenAudio, open_known
from library.models import Rendition

FOLDER = "renditions"
BATCH = 1_000  # files
READABLE = 0o644  # also by nginx


@contextmanager
def unfinished() -> Generator[BinaryIO, None, None]:
    """Return a new file in the folder of renditions, which is deleted unless `keep` gets it."""
    folder = Path(settings.MEDIA_ROOT) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder, prefix="unfinished-", suffix=".tmp") as file:
        yield cast(BinaryIO, file)


def keep(file: BinaryIO, extension: str) -> tuple[str, str]:
    """Give a complete file its name. Return that, and the entity tag of its content.

    A file with the same content gets a new time, so that it does not look unused.
    """
    file.flush()
    os.fsync(file.fileno())
    with open(file.name, "rb") as complete:
        digest = file_digest(complete, "sha256").hexdigest()
    name = f"{FOLDER}/{digest[:2]}/{digest}.{extension}"
    path = Path(default_storage.path(name))
    path.parent.mkdir(exist_ok=True)
    os.chmod(file.fileno(), READABLE)
    spare = f"{file.name}.link"
    os.link(file.name, spare)
    os.replace(spare, path)  # at once: no reader sees a part, or an older file that was damaged
    return name, f'"{digest[:32]}"'


def exists(name: str) -> bool:
    """Return whether a file of this name is there."""
    return bool(name) and default_storage.exists(name)


def open_rendition(made: dict[str, Any]) -> OpenAudio | None:
    """Open a rendition that a clip lists, or return None if its file is missing."""
    try:
        return open_known(default_storage.path(made["file"]), made["content_type"], made["etag"])
    except OSError:
        return None


def release(name: str) -> None:
    """Let a file that a rendition no longer has stay for as long as a new one."""
    with suppress(FileNotFoundError):
        os.utime(default_storage.path(name))


def unused(before: datetime) -> Iterator[str]:
    """Yield the names of files written or released before this time that no rendition has.

    A process that is killed also leaves such files. Until its rendition is saved, a new file looks
    unused as well, and nginx may be about to open one that was released, so leave enough time.
    """
    old = (name for name in _names() if _is_older(name, before))
    while names := [*islice(old, BATCH)]:
        used = set(Rendition.objects.filter(file__in=names).values_list("file", flat=True))
        yield from (name for name in names if name not in used)


def delete_if_unused(name: str, before: datetime) -> None:
    """Delete a file unless a rendition has it, or it was written or released since."""
    if _is_older(name, before) and not Rendition.objects.filter(file=name).exists():
        default_storage.delete(name)


def _names() -> Iterator[str]:
    root = Path(settings.MEDIA_ROOT)
    for folder, _, names in os.walk(root / FOLDER):
        yield from (Path(folder, name).relative_to(root).as_posix() for name in names)


def _is_older(name: str, before: datetime) -> bool:
    """Return whether a file is there and was not written or released since a time."""
    try:
        return os.stat(default_storage.path(name)).st_mtime < before.timestamp()
    except FileNotFoundError:
        return False
