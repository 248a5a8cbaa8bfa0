"""Operations that add, change and delete clips."""

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema

from library.api.added_clips import AddedClipSerializer
from library.api.json_bodies import BULK_MAX
from library.api.openapi.errors import (
    CHANGING,
    ONCE,
    SIGNING_IN,
    WRITING,
    WRITING_MANY,
    error_responses,
)
from library.api.openapi.examples import ADDED_CLIP, CLIP, CREDITED_CLIP, NEW_CLIP
from library.api.openapi.parameters import (
    ADDERS,
    CLIP_ID,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_UNMODIFIED_SINCE,
    REPLAYED,
    limits,
    response_header,
)
from library.api.serializers import ClipSerializer

_ETAG = response_header("ETag", "The clip's version, for `If-Match`.", [200, 201])

CREATE = extend_schema(
    operation_id="add_clip",
    summary="Add a clip",
    description="Add a clip by its metadata and the URL of its audio. The URL is checked for its "
    "form only. The audio is downloaded and analysed in the background. `duplicates` lists the "
    "clips that have the same URL already. Where the URLs of clips are not public, it is empty "
    "without a token. Whether their files or sounds are the same is "
    "found later, when the audio is analysed.",
    auth=ADDERS,
    parameters=[
        IDEMPOTENCY_KEY,
        response_header("Location", "The new clip's path.", [201]),
        _ETAG,
        REPLAYED,
        *limits(201),
    ],
    request=ClipSerializer,
    responses={201: AddedClipSerializer, **error_responses(*WRITING, *ONCE, name="BodyErrors")},
    examples=[
        OpenApiExample("A new clip", value=NEW_CLIP, request_only=True),
        OpenApiExample("With tags and credits", value=CREDITED_CLIP, request_only=True),
        OpenApiExample("Added", value=ADDED_CLIP, response_only=True, status_codes=[201]),
    ],
)
BULK = extend_schema(
    operation_id="add_clips",
    summary="Add many clips",
    description=f"Add up to {BULK_MAX:,} clips with one request: all of them or none. If some are "
    "invalid, `errors` maps the index of each in the array, from 0, to its errors by field. The "
    "response contains the clips in the order of the request.",
    auth=ADDERS,
    parameters=[IDEMPOTENCY_KEY, REPLAYED, *limits(201)],
    request=ClipSerializer(many=True),
    responses={
        201: AddedClipSerializer(many=True),
        **error_responses(*WRITING_MANY, *ONCE, name="BulkErrors"),
    },
    examples=[
        OpenApiExample("One of the clips", value=NEW_CLIP, request_only=True),
        OpenApiExample("Added", value=ADDED_CLIP, response_only=True, status_codes=[201]),
    ],
)
UPDATE = extend_schema(
    operation_id="change_clip",
    summary="Change a clip",
    description="Change the fields that the body contains. Send only those that you change: fields "
    "that cannot be set are refused, even with their current values. If nothing differs from the "
    "clip, its `updated_at` and its version stay the same.",
    parameters=[CLIP_ID, IF_MATCH, IF_UNMODIFIED_SINCE, _ETAG, *limits(200)],
    responses={200: ClipSerializer, **error_responses(*WRITING, *CHANGING, name="BodyErrors")},
    examples=[
        OpenApiExample("New title", value={"title": "Better Title"}, request_only=True),
        OpenApiExample("Changed", value=CLIP, response_only=True, status_codes=[200]),
    ],
)
DELETE = extend_schema(
    operation_id="delete_clip",
    summary="Delete a clip",
    description="Remove a clip from the library. It disappears from the list and can no longer be "
    "played; requests for it return 410. Its plays stay counted, and its statistics remain "
    "available. It can be restored in the back office.",
    parameters=[CLIP_ID, IF_MATCH, IF_UNMODIFIED_SINCE, *limits(204)],
    responses={
        204: OpenApiResponse(None, "The clip was deleted."),
        **error_responses(*SIGNING_IN, *CHANGING),
    },
)
