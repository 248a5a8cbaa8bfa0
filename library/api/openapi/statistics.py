"""Operations that return statistics."""

from functools import partial
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema

from library.api import parameters
from library.api.errors import ClipNotFound
from library.api.openapi.errors import READING, MakeError, error_responses, invalid_query
from library.api.openapi.examples import CLIP_STATISTICS, LIBRARY_STATISTICS, SERIES_CSV
from library.api.openapi.parameters import (
    CLIP_ID,
    IF_NONE_MATCH,
    READERS,
    limits,
    query_parameters,
    response_header,
)
from library.api.openapi.statistics_answers import Answer, ClipStatistics, LibraryStatistics

_HEADERS = [
    IF_NONE_MATCH,
    response_header(
        "ETag", "Weak: it stays the same while nothing but `as_of` changes.", [200, 304]
    ),
    response_header("Content-Disposition", "Of CSV only: a file name with the period.", [200]),
]


def _responses(answer: type[Answer], *makers: MakeError) -> dict[Any, Any]:
    errors = error_responses(*makers, *READING, name="QueryErrors")
    return {
        (200, "application/json"): OpenApiResponse(answer, "The statistics."),
        (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "The series: `start,plays`."),
        304: OpenApiResponse(None, "Your copy is current."),
        **{(status, "application/json"): error for status, error in errors.items()},
    }


def _examples(statistics: dict[str, Any]) -> list[OpenApiExample]:
    examples = (("Two days", statistics, "application/json"), ("Series", SERIES_CSV, "text/csv"))
    return [
        OpenApiExample(name, value, media_type=media_type, response_only=True, status_codes=["200"])
        for name, value, media_type in examples
    ]


clip_statistics = extend_schema(
    tags=["statistics"],
    operation_id="clip_statistics",
    summary="Get statistics of a clip",
    description="Return total and recent plays of a clip, its plays over time, and its listeners. "
    "Works for deleted clips too.\n\n"
    "Plays are counted per quarter of an hour, so a series is exact in any time zone. Listeners, "
    "clients and referrers are counted per UTC day; `audience_days` are the days included.",
    parameters=[
        CLIP_ID,
        query_parameters("ClipStatisticsParameters", parameters.CLIP_STATISTICS),
        *_HEADERS,
        *limits(200),
    ],
    auth=READERS,
    responses=_responses(
        ClipStatistics, partial(invalid_query, parameters.CLIP_STATISTICS), ClipNotFound
    ),
    examples=_examples(CLIP_STATISTICS),
)
library_statistics = extend_schema(
    tags=["statistics"],
    operation_id="library_statistics",
    summary="Get statistics of the library",
    description="Return the number of clips and plays, plays over time, and the top clips.",
    parameters=[
        query_parameters("LibraryStatisticsParameters", parameters.LIBRARY_STATISTICS),
        *_HEADERS,
        *limits(200),
    ],
    auth=READERS,
    responses=_responses(LibraryStatistics, partial(invalid_query, parameters.LIBRARY_STATISTICS)),
    examples=_examples(LIBRARY_STATISTICS),
)
