"""What the database keeps: clips and their plays."""

from library.models.clip import MAX_DURATION, Clip, upload_path
from library.models.play import PlayEvent

__all__ = ["MAX_DURATION", "Clip", "PlayEvent", "upload_path"]
