"""Operations that return statistics."""

from functools import partial
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema

from library.api import parameters
from library.api.errors import ClipNotFound
from library.api.openapi.errors import READING, MakeError, error_responses, invalid_query
from library.api.openapi.examples import (
    CLIP_STATISTICS,
    CLIPS_CSV,
    CLIPS_STATISTICS,
    LIBRARY_STATISTICS,
    SERIES_CSV,
)
from library.api.openapi.parameters import (
    CLIP_ID,
    IF_NONE_MATCH,
    PAGING,
    READERS,
    limits,
    query_parameters,
    response_header,
)
from library.api.openapi.statistics_answers import (
    Answer,
    ClipsStatistics,
    ClipStatistics,
    LibraryStatistics,
)

_HEADERS = [
    IF_NONE_MATCH,
    response_header(
        "ETag",
        "Weak: it stays the same while nothing but `as_of` and `ranked_as_of` changes.",
        [200, 304],
    ),
    response_header("Content-Disposition", "Of CSV only: a file name with the period.", [200]),
]


def _responses(
    answer: type[Answer], *makers: MakeError, table: str = "The series: `start,plays,people`."
) -> dict[Any, Any]:
    errors = error_responses(*makers, *READING, name="QueryErrors")
    return {
        (200, "application/json"): OpenApiResponse(answer, "The statistics."),
        (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, table),
        304: OpenApiResponse(None, "Your copy is current."),
        **{(status, "application/json"): error for status, error in errors.items()},
    }


def _examples(statistics: dict[str, Any], table: str = SERIES_CSV) -> list[OpenApiExample]:
    examples = (("Two days", statistics, "application/json"), ("Series", table, "text/csv"))
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
    "clients and referrers are counted per UTC day; `audience_days` are the days included.\n\n"
    "Beside all plays, `people` are those by people (see *What counts as a play* above). With "
    "`audience=people`, ranks and changes are those of people.",
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
    description="Return the number of clips and plays, plays over time, and the top clips. With "
    "`audience=people`, the top clips and changes are those of people.",
    parameters=[
        query_parameters("LibraryStatisticsParameters", parameters.LIBRARY_STATISTICS),
        *_HEADERS,
        *limits(200),
    ],
    auth=READERS,
    responses=_responses(LibraryStatistics, partial(invalid_query, parameters.LIBRARY_STATISTICS)),
    examples=_examples(LIBRARY_STATISTICS),
)
clips_statistics = extend_schema(
    tags=["statistics"],
    operation_id="clips_statistics",
    summary="Get statistics of many clips",
    description="Return the plays of the clips that match all filters, in pages like those of the "
    "list of clips. Each clip has its plays in total, in each window and in the period, and with "
    "`interval` its plays over time.\n\n"
    "With `ids`, `missing` lists the ids that are on no page, each with the reason.",
    parameters=[
        query_parameters("ClipsStatisticsParameters", parameters.CLIPS_STATISTICS),
        *_HEADERS,
        *PAGING,
        *limits(200),
    ],
    auth=READERS,
    responses=_responses(
        ClipsStatistics,
        partial(invalid_query, parameters.CLIPS_STATISTICS),
        table="A line for each clip, or with `interval` for each bucket of each clip. The last "
        "lines have only an id and the reason why it is `missing`.",
    ),
    examples=_examples(CLIPS_STATISTICS, CLIPS_CSV),
)
