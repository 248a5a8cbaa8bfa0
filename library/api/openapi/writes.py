"""What OpenAPI says of the calls that write, of who may, and of limits."""

from typing import Any

from django.conf import settings
from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
)

from library.api.openapi.errors import BULK_ERRORS, MISSING, ONCE, SIGNING_IN, WRITING
from library.api.openapi.examples import CLIP, CREDITED_CLIP, NEW_CLIP
from library.api.serializers import ClipSerializer

ANYONE: list[Any] = [{}]
READERS: list[Any] = [{}, {"token": []}]  # a token, for limits of one's own
EDITORS: list[Any] = [{"token": []}, {"session": []}]
ADDERS = ANYONE + EDITORS if settings.CLIPS_API_WRITES == "open" else EDITORS


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How machines sign in."""

    target_class = "library.api.authentication.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A token in the Authorization header."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token that `manage.py api_token create` made.",
        }


class EditorSessionScheme(SessionScheme):  # type: ignore[no-untyped-call]
    """How people sign in."""

    target_class = "library.api.authentication.EditorSession"
    name = "session"


def header(name: str, description: str, statuses: list[int]) -> OpenApiParameter:
    """A field of the answer's header."""
    return OpenApiParameter(
        name, str, OpenApiParameter.HEADER, description=description, response=statuses
    )


def limits(success: int) -> list[OpenApiParameter]:
    """The fields that tell a client how much it may still ask."""
    told = [success, 304, 400, 404, 409, 410, 411, 412, 413, 415, 422, 429]
    return [
        header("RateLimit-Policy", '`"reads";q=1200;w=60`: so many in so many seconds.', told),
        header("RateLimit", '`"reads";r=1199;t=42`: so many are left for so many seconds.', told),
        header("Retry-After", "Seconds until asking again makes sense.", [409, 429]),
        header("WWW-Authenticate", "How to sign in.", [401]),
    ]


# As library.api.idempotency reads it.
KEY_PATTERN = r'^("[\x20-\x21\x23-\x5b\x5d-\x7e]{1,255}"|[\x21\x23-\x5b\x5d-\x7e]{1,255})$'
_ONCE = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": KEY_PATTERN},
    OpenApiParameter.HEADER,
    description="A word of your choice, such as a UUID, for a request that you may have to send "
    "again. Within 24 hours the same key with the same body gets the first answer again, and "
    "nothing is added twice. An error keeps no key.",
)
_IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The `ETag` of the clip as you read it: the call then fails with 412 if the clip "
    "was changed since. Plays do not count as changes.",
)
CLIP_ID = OpenApiParameter(
    "id",
    {"type": "integer", "format": "int64", "minimum": 1, "maximum": 10**18 - 1},
    OpenApiParameter.PATH,
    description="The clip's id.",
)
_ETAG = header("ETag", "The clip's new version; for `If-Match`.", [200])

CREATE = extend_schema(
    operation_id="add_clip",
    summary="Add a clip",
    description="Adds a clip by its metadata and the URL of its audio. The URL is judged by its "
    "form alone; the audio is fetched when it is first played.",
    auth=ADDERS,
    parameters=[_ONCE, header("Location", "The new clip's path.", [201]), *limits(201)],
    responses={201: ClipSerializer, **WRITING, **ONCE},
    examples=[
        OpenApiExample("A new clip", value=NEW_CLIP, request_only=True),
        OpenApiExample("With tags and credits", value=CREDITED_CLIP, request_only=True),
        OpenApiExample("Added", value=CLIP, response_only=True, status_codes=[201]),
    ],
)
BULK = extend_schema(
    operation_id="add_clips",
    summary="Add many clips",
    description="Adds up to 1,000 clips in one body of at most 2,000,000 bytes, all or none. If "
    "some are wrong, `errors` has the index of each in the array (from 0), and its errors by "
    "field. The answer has the clips in the order of the request.",
    auth=ADDERS,
    parameters=[_ONCE, *limits(201)],
    request=ClipSerializer(many=True),
    responses={201: ClipSerializer(many=True), **WRITING, 400: BULK_ERRORS, **ONCE},
    examples=[
        OpenApiExample("A clip each", value=NEW_CLIP, request_only=True),
        OpenApiExample("Added", value=CLIP, response_only=True, status_codes=[201]),
    ],
)
UPDATE = extend_schema(
    operation_id="change_clip",
    summary="Change a clip",
    description="Changes the fields that the body has. For editors.",
    parameters=[CLIP_ID, _IF_MATCH, _ETAG, *limits(200)],
    responses={200: ClipSerializer, **WRITING, **MISSING},
    examples=[
        OpenApiExample("Another title", value={"title": "Better Title"}, request_only=True),
        OpenApiExample("Changed", value=CLIP, response_only=True, status_codes=[200]),
    ],
)
DELETE = extend_schema(
    operation_id="delete_clip",
    summary="Delete a clip",
    description="Takes a clip out of the library: it is listed and played no more, and answers "
    "410. Its plays stay counted and its statistics can be read; the back office can restore it. "
    "For editors.",
    parameters=[CLIP_ID, _IF_MATCH, *limits(204)],
    responses={
        204: OpenApiResponse(None, "Deleted."),
        **SIGNING_IN,
        **MISSING,
    },
)
