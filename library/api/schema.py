"""What OpenAPI says of the calls, beyond what their code tells."""

from typing import Any, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
)

from library.api.serializers import ClipSerializer, ErrorSerializer
from library.audio.sniff import EXTENSIONS

View = TypeVar("View", bound=type)

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
}
NEW_CLIP = {key: CLIP[key] for key in ("title", "description", "genre", "duration", "audio_url")}
ERROR_400 = {
    "description": "The body is wrong: an entry for each field, or a `detail` if it is not JSON.",
    "type": "object",
    "additionalProperties": {},
}


def _error(description: str) -> OpenApiResponse:
    return OpenApiResponse(ErrorSerializer, description)


def _header(name: str, description: str, statuses: list[int]) -> OpenApiParameter:
    return OpenApiParameter(
        name, str, OpenApiParameter.HEADER, description=description, response=statuses
    )


_CLIP_ID = OpenApiParameter("id", int, OpenApiParameter.PATH, description="The clip's id.")
_NOT_FOUND = _error("There is no such clip.")
_AUDIO: dict[Any, Any] = {
    (status, media_type): OpenApiResponse(OpenApiTypes.BINARY, description)
    for status, description in ((200, "The whole audio."), (206, "The range that was asked for."))
    for media_type in EXTENSIONS
}

_LIST = extend_schema(
    operation_id="list_clips",
    summary="List clips",
    description="All clips by id, in pages of `limit`.",
    parameters=[_header("Link", "The next and the previous page (RFC 8288).", [200])],
    responses={200: ClipSerializer(many=True), 404: _error("No such page.")},
    examples=[OpenApiExample("A page", value=[CLIP], response_only=True, status_codes=[200])],
)
_CREATE = extend_schema(
    operation_id="add_clip",
    summary="Add a clip",
    description="Adds a clip by its metadata and the URL of its audio. The URL is judged by its "
    "form alone; the audio is fetched when it is first played.",
    parameters=[_header("Location", "The path of the new clip.", [201])],
    responses={
        201: ClipSerializer,
        400: OpenApiResponse(ERROR_400, "The body is wrong."),
        415: _error("The body is not `application/json`."),
    },
    examples=[
        OpenApiExample("A new clip", value=NEW_CLIP, request_only=True),
        OpenApiExample("Added", value=CLIP, response_only=True, status_codes=[201]),
    ],
)
_RETRIEVE = extend_schema(
    operation_id="show_clip",
    summary="Show a clip",
    description="The metadata of one clip.",
    parameters=[_CLIP_ID],
    responses={200: ClipSerializer, 404: _NOT_FOUND},
    examples=[OpenApiExample("A clip", value=CLIP, response_only=True, status_codes=[200])],
)
_STREAM = extend_schema(
    operation_id="stream_clip",
    summary="Stream a clip",
    description="The audio, for any player: whole or one range of bytes. Counts a play (see "
    "*What counts as a play* above). `HEAD` answers the same headers without the audio.",
    parameters=[
        _CLIP_ID,
        OpenApiParameter(
            "download",
            int,
            enum=[0, 1],
            description="1: as an attachment, for saving rather than playing.",
        ),
        OpenApiParameter(
            "Range", str, OpenApiParameter.HEADER, description="One range: `bytes=0-1023`."
        ),
        _header("Accept-Ranges", "`bytes`.", [200, 206]),
        _header("Content-Disposition", "A file name for saving (RFC 6266).", [200, 206]),
        _header("Content-Range", "Which bytes of how many.", [206, 416]),
        _header("ETag", "Strong; for `If-Range` and `If-None-Match`.", [200, 206, 304]),
        _header("Retry-After", "Seconds until asking again makes sense.", [503]),
    ],
    responses={
        **_AUDIO,
        304: OpenApiResponse(None, "The copy that `If-None-Match` names is current."),
        404: _NOT_FOUND,
        412: _error("`If-Match` names another version of the audio."),
        416: _error("The range begins at or past the end."),
        502: _error("The origin does not serve audio; `code` tells why."),
        503: _error("No capacity, or the play could not be recorded; nothing was counted."),
        504: _error("The origin took too long."),
    },
)


def describe_clips(view: View) -> View:
    """Describe the operations of the clips' viewset."""
    view = extend_schema(tags=["clips"])(view)
    return extend_schema_view(list=_LIST, create=_CREATE, retrieve=_RETRIEVE, stream=_STREAM)(view)
