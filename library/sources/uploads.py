"""Store uploaded files, and delete those that no clip uses.

A deleted clip keeps its file: it can be restored.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction

from library.models import Clip

FOLDER = "uploads"


def store(file: BinaryIO, name: str, default_name: str) -> str:
    """Store a file that belongs to no clip yet, and return its name in the storage.

    `name` comes from a client and is only a wish.
    """
    field = Clip._meta.get_field("audio_file")
    content: File[Any] = File(file)
    try:
        wanted = field.generate_filename(Clip(), name)
    except SuspiciousFileOperation:
        wanted = field.generate_filename(Clip(), default_name)
    return default_storage.save(wanted, content, max_length=field.max_length)


def delete_replaced(name: str) -> None:
    """Delete the file that a clip had until this transaction, once that is committed."""
    if name:
        transaction.on_commit(partial(delete_if_unused, name))


def delete_if_unused(name: str) -> None:
    """Delete a stored file unless a clip uses it.

    Call this after the commit, because a transaction can be rolled back. Streams in progress have
    the file open and continue to its end. Only nginx may find it missing, if it gets the
    X-Accel-Redirect at this moment. The next request gets the clip's new audio.
    """
    if name and not Clip.objects.filter(audio_file=name).exists():
        default_storage.delete(name)


def unused_uploads(before: datetime) -> Iterator[str]:
    """Yield the names of files written before this time that no clip uses.

    A process that is killed leaves such files. Until its transaction is committed, a new file looks
    unused as well, so leave enough time.
    """
    root = Path(settings.MEDIA_ROOT)
    names = Clip.objects.exclude(audio_file="").values_list("audio_file", flat=True)
    used = set(names.iterator())
    for path in (root / FOLDER).rglob("*"):
        name = path.relative_to(root).as_posix()
        if name not in used and path.is_file() and path.stat().st_mtime < before.timestamp():
            yield name
