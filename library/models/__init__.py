"""What the database keeps: clips, their plays, and the tallies of those."""

from library.models.clip import MAX_DURATION, Clip, upload_path
from library.models.play import (
    HOST_LENGTH,
    AudienceTally,
    Client,
    CompletionTally,
    Kind,
    LibraryTally,
    ListenerKey,
    PlayEvent,
    PlayTally,
)

__all__ = [
    "HOST_LENGTH",
    "MAX_DURATION",
    "AudienceTally",
    "Client",
    "Clip",
    "CompletionTally",
    "Kind",
    "LibraryTally",
    "ListenerKey",
    "PlayEvent",
    "PlayTally",
    "upload_path",
]
