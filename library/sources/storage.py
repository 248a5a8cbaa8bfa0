"""The storage of uploaded audio files."""

import os
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage

SAMPLES_PREFIX = "samples/"


class AudioFileStorage(FileSystemStorage):
    """Files under MEDIA_ROOT, except names below `samples/`: they are sample files of the code.

    After `loaddata clips`, the sample clips can be played without copying files. Sample files are
    never written or deleted.
    """

    def path(self, name: str) -> str:
        if name.startswith(SAMPLES_PREFIX):
            return os.path.join(settings.SAMPLES_DIR, os.path.basename(name))
        return super().path(name)

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        if name.startswith(SAMPLES_PREFIX):
            name = f"uploads/{Path(name).name}"
        return super().get_available_name(name, max_length)

    def delete(self, name: str) -> None:
        if not name.startswith(SAMPLES_PREFIX):
            super().delete(name)
