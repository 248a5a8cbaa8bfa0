"""The operation that returns facets."""

from functools import partial
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers

from library.api import errors, parameters
from library.api.openapi.errors import READING, error_responses, invalid_query
from library.api.openapi.parameters import (
    IF_NONE_MATCH,
    NO_CACHE,
    READERS,
    limits,
    query_parameters,
    response_header,
)

_EXAMPLE = {
    "clips": 3,
    "genres": [{"value": "electronic", "count": 2}, {"value": "jazz", "count": 1}],
    "tags": [{"value": "night drive", "count": 2}, {"value": "synth", "count": 1}],
    "licences": [{"value": "CC-BY-4.0", "count": 3}],
    "creators": [{"value": "Ann Example", "count": 2}],
}


class FacetValue(serializers.Serializer[dict[str, Any]]):
    """A value, and the number of clips that have it."""

    value = serializers.CharField(help_text="Can be sent in the filter.")
    count = serializers.IntegerField(min_value=1)


class FacetsAnswer(serializers.Serializer[dict[str, Any]]):
    """The most frequent values of the matching clips, in descending order of their counts."""

    clips = serializers.IntegerField(min_value=0, help_text="Number of clips that match.")
    genres = FacetValue(many=True)
    tags = FacetValue(many=True)
    licences = FacetValue(many=True)
    creators = FacetValue(many=True)


facets = extend_schema(
    tags=["clips"],
    operation_id="facets",
    summary="Count genres, tags, licences and creators",
    description="Return the genres, tags, licences and creators of the clips that match all "
    "parameters, at most 50 of each, with the number of clips that have each.\n\n"
    "`genres`, `licences` and `creators` ignore the filter of their own field: with `genre=jazz`, "
    "`genres` still has all genres, with the numbers of clips you get by choosing them as well. "
    "`tags` obeys `tag`, because a list has only clips with all of the tags: it has the tags that "
    "narrow the list further. Genres and creators that differ only in case are counted together."
    "\n\nCounts are kept until a clip changes. Few are made at a time: requests for others get a "
    "503 with `Retry-After`.",
    auth=READERS,
    parameters=[
        query_parameters("FacetsParameters", parameters.CLIP_FILTERS),
        IF_NONE_MATCH,
        response_header("ETag", "Strong; plays do not change it.", [200, 304]),
        NO_CACHE,
        *limits(200),
    ],
    responses={
        200: FacetsAnswer,
        304: OpenApiResponse(None, "Your copy is current."),
        **error_responses(
            partial(invalid_query, parameters.CLIP_FILTERS),
            *READING,
            errors.FacetsBusy,
            name="QueryErrors",
        ),
    },
    examples=[OpenApiExample("Three clips", _EXAMPLE, response_only=True, status_codes=["200"])],
)
