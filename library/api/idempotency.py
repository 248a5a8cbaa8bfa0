"""Idempotency-Key: a request that a client sends several times is carried out once.

Follows draft-ietf-httpapi-idempotency-key-header-07. The key and the ids of the clips are stored in
the transaction that adds the clips: if the first request crashes, its key is not stored and no lock
remains. A repeated request shows the clips as they are then: a stored response of a thousand clips
would take a megabyte. It shows none that a GET would not show.
"""

import json
import re
from collections.abc import Callable
from hashlib import sha256
from math import ceil
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from library.api.clients import client_name, digest
from library.api.errors import Gone, KeyInUse, KeyInvalid, KeyReused, TooManyKeys
from library.api.visibility import check_visible
from library.models import Clip, IdempotentAnswer, State
from library.models.request_state import KEPT_FOR

# The draft writes the key as a structured string, in quotes; most clients omit them. Both forms are
# the same key. Several fields arrive as one value with commas.
KEY_PATTERN = (
    r'^(?:"([\x20-\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{1,255}))$'
)
_LOCK = "SELECT pg_try_advisory_xact_lock(%s)"
REPLAYED = "Idempotent-Replayed"
Clips = list[Clip]


def answer_once(
    request: Request,
    add: Callable[[], Clips],
    show: Callable[[Clips], HttpResponse],
    body: Any = None,
) -> HttpResponse:
    """Add clips, and return the response that shows them. If the key was used before, only show.

    `body` is what JSON identifies the body by that is not JSON itself.

    Only successes are stored: an error has changed nothing, so the corrected request may use the
    same key. Raise KeyInvalid, KeyInUse, KeyReused or TooManyKeys, any exception of `add`, or, for
    clips that can no longer be shown, Gone, Withdrawn or ClipNotFound.
    """
    key = key_of(request)
    if key is None:
        return show(add())
    client = digest("idempotency", client_name(request) or "")
    fingerprint = _fingerprint(request, request.data if body is None else body)
    with transaction.atomic():
        if not _lock(client, key):
            raise KeyInUse
        kept = IdempotentAnswer.objects.filter(client=client, key=key).first()
        if kept is not None and not kept.expired:
            if bytes(kept.request) != fingerprint:
                raise KeyReused
            return _replay(kept, show)
        if kept is not None:
            kept.delete()
        _check_number(client)
        added = add()
        IdempotentAnswer.objects.create(
            client=client, key=key, request=fingerprint, clips=[clip.pk for clip in added]
        )
        IdempotentAnswer.objects.purge()
    return show(added)


def _replay(kept: IdempotentAnswer, show: Callable[[Clips], HttpResponse]) -> HttpResponse:
    """Show the clips that the first request added, as they are now.

    If the public may not see one of them, raise the error that a GET of it raises: with clips left
    out, those of a list would no longer match the request's. A draft is shown while it is as the
    first request added it.
    """
    found = Clip.objects.in_bulk(kept.clips)
    if len(found) < len(kept.clips):  # rows were deleted in the database itself
        raise Gone
    clips = [found[pk] for pk in kept.clips]
    for clip in clips:
        if not (clip.state == State.DRAFT and _is_as_added(clip, kept)):
            check_visible(vars(clip))
    response = show(clips)
    response[REPLAYED] = "true"
    return response


def _is_as_added(clip: Clip, kept: IdempotentAnswer) -> bool:
    """Return whether the clip is unchanged: others see it only once its answer is stored, too."""
    return clip.updated_at <= kept.created_at


def _check_number(client: bytes) -> None:
    """Raise TooManyKeys if the client has as many keys stored as it may have."""
    oldest = IdempotentAnswer.objects.oldest_if_full(client, settings.CLIPS_IDEMPOTENCY_KEYS)
    if oldest is not None:
        left = oldest + KEPT_FOR - timezone.now()
        raise TooManyKeys(settings.CLIPS_IDEMPOTENCY_KEYS, ceil(left.total_seconds()))


def key_of(request: Request) -> str | None:
    """Return the request's key, or None. Raises KeyInvalid."""
    header = request.headers.get("Idempotency-Key")
    if header is None:
        return None
    match = re.fullmatch(KEY_PATTERN, header)
    if match is None:
        raise KeyInvalid
    return match[1] or match[2]


def _fingerprint(request: Request, body: Any) -> bytes:
    """Return a hash of the method, the path and the body, whatever the order of its names."""
    text = json.dumps(body, sort_keys=True)
    return sha256(f"{request.method} {request.path} {text}".encode()).digest()


def _lock(client: bytes, key: str) -> bool:
    """Lock the key until the transaction ends. Return whether it was free.

    PostgreSQL releases the lock when the connection closes, also when the process is killed. If the
    process freezes or its machine fails, PostgreSQL closes the connection after
    POSTGRES_IDLE_IN_TRANSACTION.
    """
    number = int.from_bytes(sha256(client + key.encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [number])
        return bool(cursor.fetchone()[0])
