"""Whose request it is, for limits and idempotency keys.

An address is never stored: what reaches the database is keyed by the service's secret key
(`digest`) and lives two minutes as a count of requests, a day beside an idempotency key.
"""

from typing import cast

from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from rest_framework.request import Request

from library.client_address import client_network

DIGEST_BYTES = 16


def client_name(request: Request) -> str | None:
    """The user that signed in, else the network; None where neither is known."""
    if request.user is not None:
        return f"user {request.user.pk}"
    network = client_network(cast("HttpRequest", request))
    return str(network) if network else None


def digest(purpose: str, value: str) -> bytes:
    """A keyed hash, different for each purpose."""
    return salted_hmac(f"library.{purpose}", value, algorithm="sha256").digest()[:DIGEST_BYTES]
