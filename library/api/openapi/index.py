"""The operation that lists the calls."""

from functools import partial
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers

from library.api import parameters
from library.api.openapi.errors import READING, error_responses, invalid_query
from library.api.openapi.parameters import (
    IF_NONE_MATCH,
    NO_CACHE,
    READERS,
    limits,
    query_parameters,
    response_header,
)

_BASE = "https://clips.example.com"
_EXAMPLE = {
    "title": "Clips Service",
    "version": "1.0.0",
    "documentation": f"{_BASE}/docs",
    "openapi": f"{_BASE}/openapi.json",
    "openapi_lean": f"{_BASE}/openapi-lean.json",
    "counting_rule": f"{_BASE}/docs/plays",
    "calls": [
        {
            "operation": "list_clips",
            "method": "GET",
            "url": f"{_BASE}/api/v1/clips",
            "summary": "List clips",
        }
    ],
}


class Call(serializers.Serializer[dict[str, Any]]):
    """A call of the API."""

    operation = serializers.CharField(help_text="Its `operationId` in the OpenAPI description.")
    method = serializers.CharField()
    url = serializers.CharField(help_text="A URI template: replace `{id}` by the id of a clip.")
    summary = serializers.CharField()


class IndexAnswer(serializers.Serializer[dict[str, Any]]):
    """The calls, and where they are documented."""

    title = serializers.CharField()
    version = serializers.CharField(help_text="Of the service.")
    documentation = serializers.URLField(help_text="For people.")
    openapi = serializers.URLField(help_text="The OpenAPI description.")
    openapi_lean = serializers.URLField(help_text="The same without prose, for language models.")
    counting_rule = serializers.URLField(help_text="What counts as a play.")
    calls = Call(many=True)


index = extend_schema(
    tags=["clips"],
    operation_id="index",
    summary="List the calls",
    description="Return the calls of this API with their URLs, and where they are documented.",
    auth=READERS,
    parameters=[
        query_parameters("IndexParameters", parameters.INDEX),
        IF_NONE_MATCH,
        response_header("ETag", "Strong; changes with the version.", [200, 304]),
        response_header(
            "Link", "`service-desc` and `service-doc`: the descriptions (RFC 8631).", [200]
        ),
        NO_CACHE,
        *limits(200),
    ],
    responses={
        200: IndexAnswer,
        304: OpenApiResponse(None, "Your copy is current."),
        **error_responses(partial(invalid_query, parameters.INDEX), *READING, name="QueryErrors"),
    },
    examples=[OpenApiExample("One call", _EXAMPLE, response_only=True, status_codes=["200"])],
)
