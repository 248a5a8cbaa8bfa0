"""What requests and responses carry besides bodies: parameters, header fields and credentials."""

from copy import deepcopy
from typing import Any

from django.conf import settings
from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers

from library.api.idempotency import KEY_PATTERN
from library.api.parameters import Parameters

# How clients sign in, and for which operations.
ANYONE: list[Any] = [{}]
READERS: list[Any] = [{}, {"token": []}]  # a token has rate limits of its own
EDITORS: list[Any] = [{"token": []}, {"session": []}]
ADDERS = ANYONE + EDITORS if settings.CLIPS_API_WRITES == "open" else EDITORS
CLIP_ID = OpenApiParameter(
    "id",
    {"type": "integer", "format": "int64", "minimum": 1, "maximum": 10**18 - 1},
    OpenApiParameter.PATH,
    description="The clip's id.",
)


def request_header(name: str, description: str) -> OpenApiParameter:
    """Describe a header field that clients may send."""
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description)


def response_header(name: str, description: str, statuses: list[int]) -> OpenApiParameter:
    """Describe a header field of the responses with these statuses."""
    return OpenApiParameter(
        name, str, OpenApiParameter.HEADER, description=description, response=statuses
    )


def query_parameters(name: str, known: Parameters) -> serializers.Serializer[Any]:
    """Describe query parameters."""
    # Serializers sort fields by creation, so copies are in the order of the mapping.
    fields = {name: deepcopy(field) for name, field in known.items()}
    serializer: serializers.Serializer[Any] = inline_serializer(name, fields)
    return serializer


PAGING = [
    response_header("Link", "Links to the `next`, `prev` and `first` page (RFC 8288).", [200]),
    response_header("X-Total-Count", "Number of clips on all pages.", [200]),
]
RETRY_AFTER = response_header(
    "Retry-After", "Number of seconds to wait before the next attempt.", [409, 429, 503]
)
IF_NONE_MATCH = request_header(
    "If-None-Match", "An `ETag` that you have. The response is 304 if it is still current."
)
NO_CACHE = response_header(
    "Cache-Control", "`no-cache`: revalidate a copy before you use it.", [200, 304]
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": KEY_PATTERN},
    OpenApiParameter.HEADER,
    description="A unique value that you generate, such as a UUID. Send it again when you retry: "
    "for 24 hours, the same key with the same body adds nothing. It returns the clips that the "
    "first request added, as they are now, and `Idempotent-Replayed: true`, or 410 or 404 if one "
    "of them is no longer public. Errors do not use up a key. A client can have "
    f"{settings.CLIPS_IDEMPOTENCY_KEYS:,} keys at a time.",
)
REPLAYED = response_header(
    "Idempotent-Replayed", "`true` if an earlier request with this key added the clips.", [201]
)
REPLAYED_CHANGE = response_header(
    "Idempotent-Replayed", "`true` if an earlier request with this key made the change.", [200]
)
CONTENT_DIGEST = request_header(
    "Content-Digest",
    "The `sha-256` or `sha-512` digest of the body (RFC 9530), such as `sha-256=:<Base64>:`. With "
    "another body, the request fails with 422. Other algorithms are ignored.",
)
IF_MATCH = request_header(
    "If-Match",
    "The `ETag` of the clip as you read it. The request fails with 412 if the clip has changed "
    "since. Plays are not changes.",
)
IF_UNMODIFIED_SINCE = request_header(
    "If-Unmodified-Since",
    "Ignored with `If-Match`, which is exact. The request fails with 412 if the clip's "
    "`updated_at` is later, to the second.",
)


def limits(success: int) -> list[OpenApiParameter]:
    """Describe the headers of rate limiting and signing in."""
    limited = [success, 304, 400, 404, 409, 410, 411, 412, 413, 415, 422, 429]
    return [
        response_header(
            "RateLimit-Policy",
            'Your limit: `"reads";q=1200;w=60` means 1,200 reads in 60 seconds.',
            limited,
        ),
        response_header(
            "RateLimit",
            'What remains of it: `"reads";r=1199;t=42` means 1,199 reads in the next 42 seconds.',
            limited,
        ),
        RETRY_AFTER,
        response_header("WWW-Authenticate", "How to sign in.", [401]),
    ]


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes tokens in the Authorization header."""

    target_class = "library.api.authentication.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token created with `manage.py api_token create`.",
        }


class EditorSessionScheme(SessionScheme):  # type: ignore[no-untyped-call]
    """Describes the session cookie of the back office."""

    target_class = "library.api.authentication.EditorSession"
    match_subclasses = True
    name = "session"
