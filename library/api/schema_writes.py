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

from library.api.serializers import ClipSerializer, ErrorSerializer

CLIP = {
    "id": 7,
    "title": "New Clip",
    "description": "A description for the new clip",
    "genre": "electronic",
    "duration": 30.5,
    "audio_url": "https://example.com/path/to/audio.mp3",
    "stream_url": "http://localhost:8000/api/v1/clips/7/stream",
    "play_count": 0,
    "created_at": "2026-11-01T12:00:00Z",
    "updated_at": "2026-11-01T12:00:00Z",
    "tags": ["synth", "night drive"],
    "creator": "Ann Example",
    "creator_url": "https://example.com/ann",
    "licence": "CC-BY-4.0",
    "licence_url": "https://creativecommons.org/licenses/by/4.0/",
    "attribution": "“New Clip” by Ann Example, CC BY 4.0 "
    "(https://creativecommons.org/licenses/by/4.0/)",
    "content_type": None,
    "size_bytes": None,
    "health": {"status": "unchecked", "reason": None, "since": None},
}
NEW_CLIP = {key: CLIP[key] for key in ("title", "description", "genre", "duration", "audio_url")}
CREDITED_CLIP = NEW_CLIP | {key: CLIP[key] for key in ("tags", "creator", "creator_url", "licence")}
VALIDATION = {
    "description": "The body is wrong: an entry for each field, or a `detail` if it is not JSON.",
    "type": "object",
    "additionalProperties": {},
}
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


def error(description: str) -> OpenApiResponse:
    """An answer with `detail` and `code`."""
    return OpenApiResponse(ErrorSerializer, description)


def header(name: str, description: str, statuses: list[int]) -> OpenApiParameter:
    """A field of the answer's header."""
    return OpenApiParameter(
        name, str, OpenApiParameter.HEADER, description=description, response=statuses
    )


def limits(*statuses: int) -> list[OpenApiParameter]:
    """The fields that tell a client how much it may still ask."""
    told = [*statuses, 429]
    return [
        header("RateLimit-Policy", '`"reads";q=1200;w=60`: so many in so many seconds.', told),
        header("RateLimit", '`"reads";r=1199;t=42`: so many are left for so many seconds.', told),
        header("Retry-After", "Seconds until asking again makes sense.", [429]),
    ]


TOO_MANY = error("The client has sent too many requests in this minute.")
_UNAUTHENTICATED = error("Sign in with a token or a session.")
_FORBIDDEN = error("The account lacks the permission, or the session's CSRF token is missing.")
_BODY_ERRORS: dict[int, Any] = {
    400: OpenApiResponse(VALIDATION, "The body is wrong."),
    401: _UNAUTHENTICATED,
    403: _FORBIDDEN,
    411: error("The body came in chunks, without its length."),
    413: error("The body is too large: at most 2,000,000 bytes."),
    415: error("The body is not `application/json`."),
    429: TOO_MANY,
}
_ONCE = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="A word of your choice, such as a UUID, for a request that you may have to send "
    "again. Within 24 hours the same key with the same body gets the first answer again, and "
    "nothing is added twice. An error keeps no key.",
)
_ONCE_ERRORS = {
    409: error("The first request with this Idempotency-Key still runs."),
    422: error("This Idempotency-Key came with another body."),
}
_IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The `ETag` of the clip as you read it: the call then fails with 412 if the clip "
    "was changed since. Plays do not count as changes.",
)
_CLIP_ID = OpenApiParameter("id", int, OpenApiParameter.PATH, description="The clip's id.")
_MISSING = {
    404: error("There is no such clip."),
    410: error("The clip was deleted."),
    412: error("The clip was changed since the version that `If-Match` names."),
}
_ETAG = header("ETag", "The clip's new version; for `If-Match`.", [200])

CREATE = extend_schema(
    operation_id="add_clip",
    summary="Add a clip",
    description="Adds a clip by its metadata and the URL of its audio. The URL is judged by its "
    "form alone; the audio is fetched when it is first played.",
    auth=ADDERS,
    parameters=[_ONCE, header("Location", "The new clip's path.", [201]), *limits(201)],
    responses={201: ClipSerializer, **_BODY_ERRORS, **_ONCE_ERRORS},
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
    responses={201: ClipSerializer(many=True), **_BODY_ERRORS, **_ONCE_ERRORS},
    examples=[
        OpenApiExample("A clip each", value=NEW_CLIP, request_only=True),
        OpenApiExample("Added", value=CLIP, response_only=True, status_codes=[201]),
        OpenApiExample(
            "The fourth is wrong",
            value={
                "detail": "No clip was added, because some are wrong.",
                "code": "invalid_clips",
                "errors": {"3": {"title": ["This field is required."]}},
            },
            response_only=True,
            status_codes=[400],
        ),
    ],
)
UPDATE = extend_schema(
    operation_id="change_clip",
    summary="Change a clip",
    description="Changes the fields that the body has. For editors.",
    parameters=[_CLIP_ID, _IF_MATCH, _ETAG, *limits(200)],
    responses={200: ClipSerializer, **_BODY_ERRORS, **_MISSING},
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
    parameters=[_CLIP_ID, _IF_MATCH, *limits(204)],
    responses={
        204: OpenApiResponse(None, "Deleted."),
        401: _UNAUTHENTICATED,
        403: _FORBIDDEN,
        **_MISSING,
        429: TOO_MANY,
    },
)
