"""A request that bears an `Idempotency-Key` is done once, however often it is sent.

As draft-ietf-httpapi-idempotency-key-header-07 has it. The key, what it did and what was answered
are one transaction: a first request that crashes takes its key with it, and leaves no lock.
"""

import json
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any, cast

from django.db import connection, transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from library.api.clients import client_name, digest
from library.api.errors import KeyInUse, KeyInvalid, KeyReused
from library.models import IdempotentAnswer

# The draft writes the key as a structured string, in quotes; most clients send it bare. Both are
# taken, as the same key.
_QUOTED = re.compile(r'"([\x20-\x21\x23-\x5b\x5d-\x7e]{1,255})"')
_BARE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,255}")
_LOCK = """
    SELECT pg_try_advisory_xact_lock(%s),
           set_config('idle_in_transaction_session_timeout', '60s', true)
"""
_KEPT_HEADERS = ("Location", "ETag")


def answer_once(request: Request, make: Callable[[], Response]) -> HttpResponseBase:
    """What `make` answers, or what it answered when the key first came.

    Only successes are kept: an error has changed nothing, so that a corrected request may bear the
    same key. Raises KeyInvalid, KeyInUse, KeyReused, and what `make` raises.
    """
    key = _key(request)
    if key is None:
        return make()
    client = digest("idempotency", client_name(request) or "")
    asked = _fingerprint(request)
    with transaction.atomic():
        if not _lock(client, key):
            raise KeyInUse
        kept = IdempotentAnswer.objects.filter(client=client, key=key).first()
        if kept is not None and not kept.expired:
            if bytes(kept.request) != asked:
                raise KeyReused
            return _response(kept)
        if kept is not None:
            kept.delete()
        made = make()
        answer = IdempotentAnswer.objects.create(
            client=client,
            key=key,
            request=asked,
            status=made.status_code,
            headers={name: made[name] for name in _KEPT_HEADERS if name in made},
            body=_rendered(request, made.data).decode(),
        )
        IdempotentAnswer.objects.purge()
    return _response(answer)


def _key(request: Request) -> str | None:
    header = request.headers.get("Idempotency-Key")
    if header is None:
        return None
    if quoted := _QUOTED.fullmatch(header):
        return quoted[1]
    if not _BARE.fullmatch(header):
        raise KeyInvalid
    return header


def _fingerprint(request: Request) -> bytes:
    """A hash of what is asked: the call and the body's value, in whatever order its names stand."""
    body = json.dumps(request.data, sort_keys=True)
    return sha256(f"{request.method} {request.path} {body}".encode()).digest()


def _lock(client: bytes, key: str) -> bool:
    """Whether nobody else is at this key; it stays ours until the transaction ends.

    PostgreSQL gives it back when a connection is lost, so also if the process is killed; and if it
    hears nothing for a minute, as when the machine is.
    """
    number = int.from_bytes(sha256(client + key.encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [number])
        return bool(cursor.fetchone()[0])


def _rendered(request: Request, data: Any) -> bytes:
    renderer = cast("Any", request).accepted_renderer
    return bytes(renderer.render(data))


def _response(answer: IdempotentAnswer) -> HttpResponse:
    return HttpResponse(
        answer.body,
        status=answer.status,
        content_type="application/json",
        headers=answer.headers,
    )
