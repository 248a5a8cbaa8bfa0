"""Names for clients, used by rate limits and idempotency keys.

Addresses are never stored. The database holds a hash keyed by the service's secret key (`digest`):
for two minutes with a request count, for a day with an idempotency key or a count of reports of
clips.
"""

from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from rest_framework.request import Request

from library.client_address import request_network

DIGEST_BYTES = 16


def client_name(request: Request) -> str | None:
    """Return the user who signed in, or the client's network; None if neither is known."""
    if request.user is not None:
        return f"user {request.user.pk}"
    return network_name(request)


def network_name(request: HttpRequest) -> str | None:
    """Return the client's network, or None if it is unknown. Authenticates nothing."""
    network = request_network(request)
    return str(network) if network else None


def digest(purpose: str, value: str) -> bytes:
    """Return a keyed hash that differs between purposes."""
    return salted_hmac(f"library.{purpose}", value, algorithm="sha256").digest()[:DIGEST_BYTES]
