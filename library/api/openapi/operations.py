"""What OpenAPI says of the calls, beyond what their code tells."""

from copy import deepcopy
from typing import Any, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
    inline_serializer,
)

from library.api import parameters
from library.api.openapi.errors import GONE, NOT_FOUND, READING, TOO_LONG, error, stream_errors
from library.api.openapi.examples import CLIP
from library.api.openapi.writes import (
    ANYONE,
    BULK,
    CLIP_ID,
    CREATE,
    DELETE,
    READERS,
    UPDATE,
    header,
    limits,
)
from library.api.serializers import ClipSerializer
from library.audio.sniff import EXTENSIONS

View = TypeVar("View", bound=type)

_AUDIO: dict[Any, Any] = {
    (status, media_type): OpenApiResponse(OpenApiTypes.BINARY, description)
    for status, description in ((200, "The whole audio."), (206, "The range that was asked for."))
    for media_type in EXTENSIONS
}

_CONDITIONS = {
    "Range": "One range: `bytes=0-1023`. Anything else is answered with the whole audio.",
    "If-Range": "The `ETag` or `Last-Modified` that you have: the range of that version, or the "
    "whole of another.",
    "If-None-Match": "An `ETag` you have: 304 if it holds.",
    "If-Modified-Since": "A `Last-Modified` you have: 304 if it holds.",
    "If-Match": "An `ETag` you have: 412 unless it holds.",
}


def _asked(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description)


_REVALIDATION = [
    _asked("If-None-Match", _CONDITIONS["If-None-Match"]),
    header(
        "ETag",
        "Strong; a play moves it, with `play_count`. For `If-Match` its version alone counts.",
        [200, 304],
    ),
    header("Cache-Control", "`no-cache`: keep it, and ask each time whether it holds.", [200, 304]),
]
_NOT_MODIFIED = OpenApiResponse(None, "What `If-None-Match` names is current.")


def _described(known: parameters.Parameters) -> dict[str, Any]:
    """All but `fields`: OpenAPI cannot say that a parameter changes the answer's shape.

    Every field of a clip would be one that may be missing, for all clients that were made of it.
    """
    # Copies stand in the order in which they are made.
    return {name: deepcopy(field) for name, field in known.items() if name != "fields"}


_FIELDS = (
    "\n\nWith `fields=id,title` a clip has these fields alone. It is no parameter below, because "
    "OpenAPI cannot say that one changes the answer: typed clients always get whole clips."
)

_LIST = extend_schema(
    operation_id="list_clips",
    summary="List clips",
    description="Clips that fit all parameters, in pages of `limit`. Follow `Link` to the `next` "
    "page until there is none: no clip that stays is left out or told twice, however many are "
    "added meanwhile. (By `play_count` one can be, if it is played while you page.)" + _FIELDS,
    auth=READERS,
    parameters=[
        inline_serializer("ClipListParameters", _described(parameters.LIST)),
        *_REVALIDATION,
        header("Link", "`next`, `prev` and `first` page (RFC 8288).", [200]),
        header("X-Total-Count", "A number: how many clips all pages hold.", [200]),
        *limits(200),
    ],
    responses={
        200: ClipSerializer(many=True),
        304: _NOT_MODIFIED,
        **READING,
        414: TOO_LONG,
    },
    examples=[OpenApiExample("A page", value=CLIP, response_only=True, status_codes=[200])],
)
_RETRIEVE = extend_schema(
    operation_id="show_clip",
    summary="Show a clip",
    description="The metadata of one clip." + _FIELDS,
    auth=READERS,
    parameters=[
        CLIP_ID,
        inline_serializer("ClipParameters", _described(parameters.SHOW)),
        *_REVALIDATION,
        *limits(200),
    ],
    responses={
        200: ClipSerializer,
        304: _NOT_MODIFIED,
        **READING,
        404: NOT_FOUND,
        410: GONE,
    },
    examples=[OpenApiExample("A clip", value=CLIP, response_only=True, status_codes=[200])],
)
_STREAM = extend_schema(
    operation_id="stream_clip",
    summary="Stream a clip",
    description="The audio, for any player: whole or one range of bytes. Counts a play (see "
    "*What counts as a play* above). `HEAD` answers the same headers without the audio.",
    auth=ANYONE,
    parameters=[
        CLIP_ID,
        OpenApiParameter(
            "download", str, description="`1`: as an attachment, for saving rather than playing."
        ),
        *(_asked(name, description) for name, description in _CONDITIONS.items()),
        header("Accept-Ranges", "`bytes`.", [200, 206]),
        header(
            "Cache-Control", "`private, no-cache`, unless the operator has it otherwise.", [200]
        ),
        header("Content-Disposition", "A file name for saving (RFC 6266).", [200, 206]),
        header("Content-Length", "Bytes of this answer: always told.", [200, 206]),
        header("Content-Range", "Which bytes of how many; `bytes */N` with 416.", [206, 416]),
        header("ETag", "Strong; for `If-Range` and `If-None-Match`.", [200, 206, 304]),
        header("Last-Modified", "When the audio was changed last.", [200, 206, 304]),
        header("Retry-After", "Seconds until asking again makes sense.", [503]),
    ],
    responses={
        **_AUDIO,
        304: OpenApiResponse(None, "The copy that the request names is current."),
        404: NOT_FOUND,
        410: GONE,
        412: error(
            "`If-Match` names another version of the audio.",
            precondition_failed="The audio has another ETag.",
        ),
        416: error(
            "The range begins at or past the end.",
            range_not_satisfiable="The audio has 457246 bytes.",
        ),
        502: stream_errors(502, "The origin does not serve audio; `code` tells why."),
        503: stream_errors(
            503,
            "No capacity, or the play could not be recorded; nothing was counted.",
            no_capacity="All places for streams are taken.",
            play_not_recorded="The play could not be recorded, so no audio is sent.",
            database_unavailable="The database does not answer.",
        ),
        504: stream_errors(504, "The origin took too long."),
    },
)


def describe_clips(view: View) -> View:
    """Describe the operations of the clips' viewset."""
    view = extend_schema(tags=["clips"])(view)
    return extend_schema_view(
        list=_LIST,
        retrieve=_RETRIEVE,
        stream=_STREAM,
        create=CREATE,
        bulk=BULK,
        partial_update=UPDATE,
        destroy=DELETE,
    )(view)
