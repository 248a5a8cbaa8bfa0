"""The operation that returns the feed of changes."""

from functools import partial
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers

from library.api import parameters
from library.api.errors import CursorExpired
from library.api.openapi.errors import READING, error_responses, invalid_query
from library.api.openapi.examples import CLIP
from library.api.openapi.parameters import (
    IF_NONE_MATCH,
    READERS,
    limits,
    query_parameters,
    response_header,
)
from library.api.serializers import ClipSerializer
from library.changes.feed import KEPT
from library.models import ChangeKind


class ChangeAnswer(serializers.Serializer[dict[str, Any]]):
    """A change of a public clip."""

    seq = serializers.IntegerField(
        help_text="Number of the change, in the order of the commits. Numbers rise and have gaps."
    )
    id = serializers.IntegerField(help_text="Of the clip.")
    change = serializers.ChoiceField(
        ChangeKind.values,
        help_text="`restored`: a withdrawn or deleted clip is public again. `withdrawn`: the clip "
        "is no longer public, also if it has become a draft.",
    )
    reason = serializers.CharField(
        allow_null=True, help_text="Why the clip was withdrawn, if editors gave a reason."
    )
    at = serializers.DateTimeField(help_text="When the change was committed.")
    clip = ClipSerializer(
        allow_null=True,
        help_text="The clip as it is now, which may include later changes; null if it is not "
        "public now.",
    )


class ChangesAnswer(serializers.Serializer[dict[str, Any]]):
    """A page of the feed."""

    changes = ChangeAnswer(many=True)
    cursor = serializers.CharField(help_text="Place after these changes: send it next time.")


_EXAMPLE = {
    "changes": [
        {
            "seq": 12,
            "id": 7,
            "change": "published",
            "reason": None,
            "at": "2026-11-01T12:00:00.123456Z",
            "clip": CLIP,
        },
        {
            "seq": 15,
            "id": 3,
            "change": "withdrawn",
            "reason": "The rights have expired.",
            "at": "2026-11-01T12:04:31.654321Z",
            "clip": None,
        },
    ],
    "cursor": "15.1793534671654321",
}

describe_changes = extend_schema(
    tags=["changes"],
    operation_id="list_changes",
    summary="Follow the changes of public clips",
    description="Return everything that happened to public clips, in the order of the commits. "
    "Plays are not changes.\n\n"
    "To keep a copy of the library, begin without `cursor`: the feed always contains a change for "
    "each public clip. For each change, store `clip`, or remove the clip with the `id` if `clip` "
    "is null. Save `cursor` with your copy and send it next time. Each response has a `cursor`, "
    "also if there are no changes; `Link` with `rel=next` is the same place as a URL.\n\n"
    f"Changes are kept for {KEPT.days} days, or longer for clips that are public. A cursor to "
    "older ones causes 410; `restart` is then the URL to begin with.",
    parameters=[
        query_parameters("ChangesParameters", parameters.CHANGES),
        IF_NONE_MATCH,
        response_header("ETag", "Strong; changes with the response.", [200, 304]),
        response_header("Link", "URL of the following changes (RFC 8288).", [200]),
        *limits(200),
    ],
    auth=READERS,
    responses={
        200: OpenApiResponse(ChangesAnswer, "The changes after the cursor."),
        304: OpenApiResponse(None, "Your copy is current."),
        **error_responses(
            partial(invalid_query, parameters.CHANGES, "wait=100&page=2"),
            partial(CursorExpired, "http://localhost:8000/api/v1/changes"),
            *READING,
            name="QueryErrors",
        ),
    },
    examples=[OpenApiExample("Changes", _EXAMPLE, response_only=True, status_codes=["200"])],
)
