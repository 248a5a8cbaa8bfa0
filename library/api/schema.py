"""What OpenAPI says of the calls, beyond what their code tells."""

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
from library.api.schema_writes import (
    ANYONE,
    BULK,
    CLIP,
    CREATE,
    DELETE,
    READERS,
    TOO_MANY,
    UPDATE,
    VALIDATION,
    error,
    header,
    limits,
)
from library.api.serializers import ClipSerializer
from library.audio.sniff import EXTENSIONS

View = TypeVar("View", bound=type)

WRONG_PARAMETERS = {
    "limit": ["Ensure this value is less than or equal to 1000."],
    "order": ["There is no such parameter. There are: fields, format."],
}
_CLIP_ID = OpenApiParameter("id", int, OpenApiParameter.PATH, description="The clip's id.")
_NOT_FOUND = error("There is no such clip.")
_DELETED = error("The clip was deleted.")
_AUDIO: dict[Any, Any] = {
    (status, media_type): OpenApiResponse(OpenApiTypes.BINARY, description)
    for status, description in ((200, "The whole audio."), (206, "The range that was asked for."))
    for media_type in EXTENSIONS
}

_REVALIDATION = [
    OpenApiParameter(
        "If-None-Match",
        str,
        OpenApiParameter.HEADER,
        description="An `ETag` you have: 304 if it holds.",
    ),
    header(
        "ETag",
        "Strong; a play moves it, with `play_count`. For `If-Match` its version alone counts.",
        [200, 304],
    ),
    header("Cache-Control", "`no-cache`: keep it, and ask each time whether it holds.", [200, 304]),
]
_NOT_MODIFIED = OpenApiResponse(None, "What `If-None-Match` names is current.")
_WRONG_PARAMETERS = OpenApiResponse(
    VALIDATION,
    "A parameter is unknown or wrong; each is named, with what is allowed.",
    [OpenApiExample("Wrong parameters", value=WRONG_PARAMETERS)],
)

_LIST = extend_schema(
    operation_id="list_clips",
    summary="List clips",
    description="Clips that fit all parameters, in pages of `limit`. Follow `Link` to the `next` "
    "page until there is none: no clip that stays is left out or told twice, however many are "
    "added meanwhile. (By `play_count` one can be, if it is played while you page.)",
    auth=READERS,
    parameters=[
        inline_serializer("ClipListParameters", dict(parameters.LIST)),
        *_REVALIDATION,
        header("Link", "`next`, `prev` and `first` page (RFC 8288).", [200]),
        header("X-Total-Count", "A number: how many clips all pages hold.", [200]),
        *limits(200, 304),
    ],
    responses={
        200: ClipSerializer(many=True),
        304: _NOT_MODIFIED,
        400: _WRONG_PARAMETERS,
        429: TOO_MANY,
    },
    examples=[OpenApiExample("A page", value=CLIP, response_only=True, status_codes=[200])],
)
_RETRIEVE = extend_schema(
    operation_id="show_clip",
    summary="Show a clip",
    description="The metadata of one clip.",
    auth=READERS,
    parameters=[
        _CLIP_ID,
        inline_serializer("ClipParameters", dict(parameters.SHOW)),
        *_REVALIDATION,
        *limits(200, 304),
    ],
    responses={
        200: ClipSerializer,
        304: _NOT_MODIFIED,
        400: _WRONG_PARAMETERS,
        404: _NOT_FOUND,
        410: _DELETED,
        429: TOO_MANY,
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
        header("Accept-Ranges", "`bytes`.", [200, 206]),
        header("Content-Disposition", "A file name for saving (RFC 6266).", [200, 206]),
        header("Content-Range", "Which bytes of how many.", [206, 416]),
        header("ETag", "Strong; for `If-Range` and `If-None-Match`.", [200, 206, 304]),
        header("Retry-After", "Seconds until asking again makes sense.", [503]),
    ],
    responses={
        **_AUDIO,
        304: OpenApiResponse(None, "The copy that `If-None-Match` names is current."),
        404: _NOT_FOUND,
        410: _DELETED,
        412: error("`If-Match` names another version of the audio."),
        416: error("The range begins at or past the end."),
        502: error("The origin does not serve audio; `code` tells why."),
        503: error("No capacity, or the play could not be recorded; nothing was counted."),
        504: error("The origin took too long."),
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
