"""Operations that add, change and delete clips."""

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiRequest,
    OpenApiResponse,
    extend_schema,
)

from library.api.added_clips import AddedClipSerializer
from library.api.json_bodies import BULK_MAX
from library.api.openapi.errors import (
    ADDING,
    CHANGING,
    ONCE,
    REPLACING,
    SIGNING_IN,
    WRITING,
    WRITING_MANY,
    error_responses,
)
from library.api.openapi.examples import (
    ADDED_CLIP,
    CLIP,
    CREDITED_CLIP,
    NEW_CLIP,
    UPLOADED_CLIP,
)
from library.api.openapi.parameters import (
    ADDERS,
    CLIP_ID,
    CONTENT_DIGEST,
    EDITORS,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_UNMODIFIED_SINCE,
    REPLAYED,
    REPLAYED_CHANGE,
    limits,
    response_header,
)
from library.api.serializers import ClipSerializer
from library.api.upload_serializers import ClipUploadSerializer
from library.sources.uploaded_file import format_size

JSON = "application/json"
_ETAG = response_header("ETag", "The clip's version, for `If-Match`.", [200, 201])

CREATE = extend_schema(
    operation_id="add_clip",
    summary="Add a clip",
    description="Add a clip by its metadata and the URL of its audio. The URL is checked for its "
    "form only. The audio is downloaded and analysed in the background. `duplicates` lists the "
    "clips that have the same URL already. Where the URLs of clips are not public, it is empty "
    "without a token. Whether their files or sounds are the same is "
    "found later, when the audio is analysed.\n\n"
    "Editors can upload the audio with its metadata: send a form (`multipart/form-data`) with the "
    "JSON as the part `metadata`, without `audio_url`, and the file as the part `audio`. The file "
    "must be audio that browsers play, of at most "
    f"{format_size(settings.CLIPS_AUDIO_MAX_BYTES)}. Its duration is measured; a `duration` in the "
    "metadata counts only if it cannot be. `proposals` are values from the file's tags, to be sent "
    "in a `PATCH` if they are right. An upload needs to be signed in, even where adding clips "
    "does not.",
    auth=ADDERS,
    parameters=[
        IDEMPOTENCY_KEY,
        CONTENT_DIGEST,
        response_header("Location", "The new clip's path.", [201]),
        _ETAG,
        REPLAYED,
        *limits(201),
    ],
    request={
        "application/json": ClipSerializer,
        "multipart/form-data": OpenApiRequest(
            ClipUploadSerializer, encoding={"metadata": {"contentType": "application/json"}}
        ),
    },
    responses={201: AddedClipSerializer, **error_responses(*ADDING, *ONCE, name="AddingErrors")},
    examples=[
        OpenApiExample("A new clip", value=NEW_CLIP, request_only=True, media_type=JSON),
        OpenApiExample(
            "With tags and credits", value=CREDITED_CLIP, request_only=True, media_type=JSON
        ),
        OpenApiExample("Added", value=ADDED_CLIP, response_only=True, status_codes=[201]),
        OpenApiExample("Uploaded", value=UPLOADED_CLIP, response_only=True, status_codes=[201]),
    ],
)
REPLACE_AUDIO = extend_schema(
    operation_id="replace_clip_audio",
    summary="Replace the audio of a clip",
    description="Send a file as the body, whatever its `Content-Type`: its bytes decide whether it "
    "is audio. It becomes the source of the clip, and the one before it, a URL or a file, is given "
    "up. The duration is measured, and the audio is analysed in the background. If it cannot be "
    "measured, the clip keeps its duration. Without `If-Match`, the file replaces whatever the "
    "clip has by then. The `ETag` is that of the clip, as with `GET /api/v1/clips/{id}`.",
    auth=EDITORS,
    parameters=[
        CLIP_ID,
        IF_MATCH,
        IF_UNMODIFIED_SINCE,
        IDEMPOTENCY_KEY,
        CONTENT_DIGEST,
        _ETAG,
        response_header("Content-Location", "The clip's path.", [200]),
        REPLAYED_CHANGE,
        *limits(200),
    ],
    request={"application/octet-stream": OpenApiTypes.BINARY},
    responses={
        200: AddedClipSerializer,
        **error_responses(*REPLACING, *CHANGING, *ONCE, name="ReplacingErrors"),
    },
    examples=[OpenApiExample("Replaced", value=UPLOADED_CLIP, response_only=True)],
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
