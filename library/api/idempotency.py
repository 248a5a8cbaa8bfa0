"""Idempotency-Key: a request that a client sends several times is carried out once.

Follows draft-ietf-httpapi-idempotency-key-header-07. The key, the changes and the response are
stored in one transaction: if the first request crashes, its key is not stored and no lock remains.
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

# The draft writes the key as a structured string, in quotes; most clients omit them. Both forms are
# the same key.
KEY_PATTERN = r'^(?:"([\x20-\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x5b\x5d-\x7e]{1,255}))$'
_LOCK = """
    SELECT pg_try_advisory_xact_lock(%s),
           set_config('idle_in_transaction_session_timeout', '60s', true)
"""
_KEPT_HEADERS = ("Location", "ETag")


def answer_once(request: Request, make: Callable[[], Response]) -> HttpResponseBase:
    """Return the response that `make` builds, or the stored one if the key was used before.

    Only successes are stored: an error has changed nothing, so the corrected request may use the
    same key. Raise KeyInvalid, KeyInUse or KeyReused, or any exception of `make`.
    """
    key = _key(request)
    if key is None:
        return make()
    client = digest("idempotency", client_name(request) or "")
    fingerprint = _fingerprint(request)
    with transaction.atomic():
        if not _lock(client, key):
            raise KeyInUse
        kept = IdempotentAnswer.objects.filter(client=client, key=key).first()
        if kept is not None and not kept.expired:
            if bytes(kept.request) != fingerprint:
                raise KeyReused
            return _response(kept)
        if kept is not None:
            kept.delete()
        made = make()
        answer = IdempotentAnswer.objects.create(
            client=client,
            key=key,
            request=fingerprint,
            status=made.status_code,
            headers={name: made[name] for name in _KEPT_HEADERS if name in made},
            body=cast("Any", request).accepted_renderer.render(made.data).decode(),
        )
        IdempotentAnswer.objects.purge()
    return _response(answer)


def _key(request: Request) -> str | None:
    header = request.headers.get("Idempotency-Key")
    if header is None:
        return None
    match = re.fullmatch(KEY_PATTERN, header)
    if match is None:
        raise KeyInvalid
    return match[1] or match[2]


def _fingerprint(request: Request) -> bytes:
    """Return a hash of the method, the path and the body, whatever the order of its names."""
    body = json.dumps(request.data, sort_keys=True)
    return sha256(f"{request.method} {request.path} {body}".encode()).digest()


def _lock(client: bytes, key: str) -> bool:
    """Lock the key until the transaction ends. Return whether it was free.

    PostgreSQL releases the lock when the connection closes, also when the process is killed. If the
    machine fails, it does so after the transaction was idle for a minute.
    """
    number = int.from_bytes(sha256(client + key.encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [number])
        return bool(cursor.fetchone()[0])


def _response(answer: IdempotentAnswer) -> HttpResponse:
    return HttpResponse(
        answer.body, status=answer.status, content_type="application/json", headers=answer.headers
    )
