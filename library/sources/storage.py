"""Where uploaded audio lies."""

from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage

SAMPLES_PREFIX = "samples/"


class AudioFileStorage(FileSystemStorage):
    """Files under MEDIA_ROOT; names below `samples/` are the sample clips that come with the code.

    So `loaddata clips` alone gives clips that can be heard. Nothing is ever written or deleted
    among the samples.
    """

    def path(self, name: str) -> str:
        """The absolute path of a stored file."""
        if name.startswith(SAMPLES_PREFIX):
            return str(Path(settings.SAMPLES_DIR) / Path(name).name)
        return super().path(name)

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """A free name for a new file, never one among the samples."""
        if name.startswith(SAMPLES_PREFIX):
            name = f"uploads/{Path(name).name}"
        return super().get_available_name(name, max_length)

    def delete(self, name: str) -> None:
        """Delete a stored file; a sample stays."""
        if not name.startswith(SAMPLES_PREFIX):
            super().delete(name)
