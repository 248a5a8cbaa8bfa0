"""Operations that read clips, and the decorator that describes the viewset."""

from functools import partial
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
)

from library.api import parameters
from library.api.openapi.errors import READING, SHOWING, STREAMING, error_responses, invalid_query
from library.api.openapi.examples import CLIP
from library.api.openapi.list_formats import EXAMPLES as LIST_EXAMPLES
from library.api.openapi.list_formats import list_responses
from library.api.openapi.parameters import (
    ANYONE,
    CLIP_ID,
    IF_NONE_MATCH,
    NO_CACHE,
    PAGING,
    READERS,
    RETRY_AFTER,
    limits,
    query_parameters,
    request_header,
    response_header,
)
from library.api.openapi.writes import BULK, CREATE, DELETE, REPLACE_AUDIO, UPDATE
from library.api.serializers import ClipSerializer
from library.audio.sniff import EXTENSIONS

_AUDIO: dict[Any, Any] = {
    (status, media_type): OpenApiResponse(OpenApiTypes.BINARY, description)
    for status, description in ((200, "The whole audio."), (206, "The requested range."))
    for media_type in EXTENSIONS
}
_REVALIDATION = [
    IF_NONE_MATCH,
    response_header(
        "ETag",
        "Strong; changes with every play, as `play_count` does. `If-Match` compares only its "
        "version.",
        [200, 304],
    ),
    NO_CACHE,
]
_NOT_MODIFIED = OpenApiResponse(None, "Your copy is current.")


_FIELDS = (
    "\n\nWith `fields=id,title`, a clip has only these fields. OpenAPI cannot express that a "
    "parameter changes the shape of the response, so the schema is that of a whole clip: in a "
    "typed client, read no other fields then."
)

_LIST = extend_schema(
    operation_id="list_clips",
    summary="List clips",
    description="Return the clips that match all parameters, in pages of `limit`. Follow the link "
    "to the `next` page in `Link` until there is none. You will not miss or repeat a clip when "
    "others are added or removed while you page. (If you sort by `play_count` or "
    "`recent_plays`, you may miss or repeat a clip that is played while you page.)\n\n"
    "`recent_plays` are the plays of the last 30 days. They are summed on request, but for at most "
    "a twentieth of the time: in a small library the order is a tenth of a second old, and among "
    "100,000 clips up to a minute." + _FIELDS,
    auth=READERS,
    parameters=[
        query_parameters("ClipListParameters", parameters.LIST),
        *_REVALIDATION,
        *PAGING,
        response_header("Content-Disposition", "Of `m3u` and `csv`: a file name.", [200]),
        response_header(
            "X-Did-You-Mean",
            "If no clip matches `search`: a query with words of public clips instead of unknown "
            "ones, which some clips match. Percent-encoded UTF-8, as `decodeURIComponent` reads.",
            [200],
        ),
        *limits(200),
    ],
    responses=list_responses(
        error_responses(partial(invalid_query, parameters.LIST), *READING, name="QueryErrors")
    ),
    examples=LIST_EXAMPLES,
)
_RETRIEVE = extend_schema(
    operation_id="show_clip",
    summary="Get a clip",
    description="Return the metadata of a clip." + _FIELDS,
    auth=READERS,
    parameters=[
        CLIP_ID,
        query_parameters("ClipParameters", parameters.SHOW),
        *_REVALIDATION,
        *limits(200),
    ],
    responses={
        200: ClipSerializer,
        304: _NOT_MODIFIED,
        **error_responses(
            partial(invalid_query, parameters.SHOW), *READING, *SHOWING, name="QueryErrors"
        ),
    },
    examples=[OpenApiExample("A clip", value=CLIP, response_only=True, status_codes=[200])],
)
_STREAM = extend_schema(
    operation_id="stream_clip",
    summary="Stream a clip",
    description="Return the clip's audio: all of it, or one range of bytes. Works with any player. "
    "The request may count as a play (see *What counts as a play* above).\n\n"
    "`part`, `format` and `quality` choose a rendition: the whole or a preview, in a format that "
    "the client plays. The clip's `renditions` lists those that exist. Others are made when they "
    "are first requested: until then the response is a 503 with the code `rendition_pending` and "
    "`Retry-After`. Ranges, validators, downloads and plays work as for the original.",
    auth=ANYONE,
    parameters=[
        CLIP_ID,
        query_parameters("StreamParameters", parameters.STREAM),
        OpenApiParameter(
            "download",
            str,
            description="`1`, `true` or `yes` makes browsers save the audio as a file instead of "
            "playing it. Other values are ignored.",
        ),
        request_header(
            "Range", "One range, such as `bytes=0-1023`. Any other value returns the whole audio."
        ),
        request_header(
            "If-Range",
            "An `ETag` or `Last-Modified` that you have. The response is the range if it is still "
            "current, and the whole audio if not.",
        ),
        IF_NONE_MATCH,
        request_header(
            "If-Modified-Since",
            "A `Last-Modified` that you have. The response is 304 if the audio has not changed.",
        ),
        request_header(
            "If-Match", "The `ETag` that you expect. The response is 412 if the audio has another."
        ),
        response_header("Accept-Ranges", "`bytes`.", [200, 206]),
        response_header(
            "Cache-Control", "`private, no-cache`, unless the operator has changed it.", [200]
        ),
        response_header("Content-Disposition", "A file name (RFC 6266).", [200, 206]),
        response_header("Content-Length", "Number of bytes in the response.", [200, 206]),
        response_header(
            "Content-Range", "The range and the audio's size; `bytes */N` with 416.", [206, 416]
        ),
        response_header("ETag", "Strong; for `If-Range` and `If-None-Match`.", [200, 206, 304]),
        response_header("Last-Modified", "When the audio last changed.", [200, 206, 304]),
        RETRY_AFTER,
    ],
    responses={
        **_AUDIO,
        304: _NOT_MODIFIED,
        **error_responses(*STREAMING, name="StreamQueryErrors"),
    },
)


describe_clips = extend_schema_view(
    list=_LIST,
    retrieve=_RETRIEVE,
    stream=_STREAM,
    create=CREATE,
    replace_audio=REPLACE_AUDIO,
    bulk=BULK,
    partial_update=UPDATE,
    destroy=DELETE,
)
