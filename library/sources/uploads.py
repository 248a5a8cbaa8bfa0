"""Uploaded files that clips have let go.

Clips that are deleted keep their file, as they can be restored.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage

from library.models import Clip

FOLDER = "uploads"


def discard(name: str) -> None:
    """Delete a stored file, unless some clip has it.

    Call it when the change is committed: until then it may be undone. Who is listening at this
    moment has the file open, and hears it to the end. Only nginx, told in the same moment to send
    it, may find it gone; asked again, the clip has its new audio.
    """
    if name and not Clip.objects.filter(audio_file=name).exists():
        default_storage.delete(name)


def left_over(before: datetime) -> Iterator[str]:
    """Files written before this time that no clip has, such as of a process that was killed.

    A new file has its clip only when its transaction is committed, so give it time.
    """
    root = Path(settings.MEDIA_ROOT)
    names = Clip.objects.exclude(audio_file="").values_list("audio_file", flat=True)
    of_clips = set(names.iterator())
    for path in (root / FOLDER).rglob("*"):
        name = path.relative_to(root).as_posix()
        if name not in of_clips and path.is_file() and path.stat().st_mtime < before.timestamp():
            yield name
