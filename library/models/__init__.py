"""The tables: clips, plays and their tallies, tokens, imports, and the state of requests."""

from library.models.clip import (
    MAX_DURATION,
    REASON_LENGTH,
    Clip,
    ClipQuerySet,
    Health,
    State,
    upload_path,
)
from library.models.idempotent_answer import IdempotentAnswer
from library.models.pending_import import PendingImport
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
from library.models.presence import Presence
from library.models.request_count import RequestCount
from library.models.token import ApiToken

__all__ = [
    "HOST_LENGTH",
    "MAX_DURATION",
    "REASON_LENGTH",
    "ApiToken",
    "AudienceTally",
    "Client",
    "Clip",
    "ClipQuerySet",
    "CompletionTally",
    "Health",
    "IdempotentAnswer",
    "Kind",
    "LibraryTally",
    "ListenerKey",
    "PendingImport",
    "PlayEvent",
    "PlayTally",
    "Presence",
    "RequestCount",
    "State",
    "upload_path",
]
