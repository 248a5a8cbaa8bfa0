"""The operation that suggests queries."""

from functools import partial
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers

from library.api import parameters
from library.api.openapi.errors import READING, error_responses, invalid_query
from library.api.openapi.parameters import (
    IF_NONE_MATCH,
    READERS,
    limits,
    query_parameters,
    response_header,
)
from library.search.suggestions import KINDS, MOST


class SuggestionAnswer(serializers.Serializer[dict[str, Any]]):
    """A suggestion."""

    text = serializers.CharField(help_text="As the clip has it.")
    kind = serializers.ChoiceField(KINDS, help_text="What the text is of the clip.")


suggest = extend_schema(
    tags=["clips"],
    operation_id="suggest",
    summary="Suggest queries",
    description=f"Return up to {MOST} titles, creators, tags and genres of public clips that have "
    "words starting with `q`, ignoring case, accents, white space, quotation marks, `-` and `+` "
    "before words. Only the last word may go on. Texts that start with `q` come first.",
    auth=READERS,
    parameters=[
        query_parameters("SuggestParameters", parameters.SUGGEST),
        IF_NONE_MATCH,
        response_header("ETag", "Strong; changes with the suggestions.", [200, 304]),
        response_header("Cache-Control", "`no-cache`: revalidate a copy.", [200, 304]),
        *limits(200),
    ],
    responses={
        200: SuggestionAnswer(many=True),
        304: OpenApiResponse(None, "Your copy is current."),
        **error_responses(partial(invalid_query, parameters.SUGGEST), *READING, name="QueryErrors"),
    },
    examples=[
        OpenApiExample(
            "Suggestions",
            value={"text": "Night Drive", "kind": "title"},
            response_only=True,
            status_codes=[200],
        )
    ],
)
