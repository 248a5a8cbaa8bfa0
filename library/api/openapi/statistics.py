"""What OpenAPI says of the statistics calls."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
)

from library.api.openapi.errors import NOT_FOUND, READING
from library.api.openapi.examples import CLIP_STATISTICS, LIBRARY_STATISTICS, SERIES_CSV
from library.api.openapi.statistics_answers import Answer, ClipStatistics, LibraryStatistics
from library.api.openapi.writes import CLIP_ID, READERS, limits
from library.statistics.library import TOP_WINDOWS
from library.statistics.period import MAX_BUCKETS, Interval
from library.statistics.ranking import TOP

DEFAULT_TOP, DEFAULT_WINDOW = 10, "last_30_days"


_PERIOD = [
    OpenApiParameter(
        "interval",
        description="Length of the series' buckets.",
        enum=list(Interval),
        default=Interval.DAY,
    ),
    OpenApiParameter(
        "since",
        type={"type": "string", "format": "date-or-date-time"},
        description="A date, or an RFC 3339 date-time; rounded down to its bucket's beginning. "
        f"2000-01-01 or later, and at most {MAX_BUCKETS} buckets before `until`. "
        "Left out: 24 hours, 30 days, 12 weeks or 12 months before `until`.",
    ),
    OpenApiParameter(
        "until",
        type={"type": "string", "format": "date-or-date-time"},
        description="A date, or an RFC 3339 date-time, exclusive; rounded up to its bucket's end. "
        "Left out, or in the future: the end of the bucket that runs.",
    ),
    OpenApiParameter(
        "timezone",
        type={"type": "string", "format": "iana-time-zone"},
        description="IANA time zone on whose clock hours, days, weeks and months begin, such as "
        "`Europe/Berlin`.",
        default="UTC",
    ),
    OpenApiParameter(
        "format",
        description="`csv` answers the series alone; `Accept: text/csv` does the same.",
        enum=["json", "csv"],
        default="json",
    ),
]


_SERIES_CSV = OpenApiExample(
    "The series", SERIES_CSV, media_type="text/csv", response_only=True, status_codes=["200"]
)


def _told(statistics: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample(
        "Two days",
        statistics,
        media_type="application/json",
        response_only=True,
        status_codes=["200"],
    )


def _answers(answer: type[Answer]) -> dict[Any, Any]:
    return {
        (200, "application/json"): OpenApiResponse(answer, "The statistics."),
        (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "The series: `start,plays`."),
        **{(status, "application/json"): error for status, error in READING.items()},
    }


clip_statistics = extend_schema(
    tags=["statistics"],
    operation_id="clip_statistics",
    summary="Statistics of a clip",
    description="How often the clip was played: in all, lately, over time, by whom. "
    "Of a deleted clip too.\n\n"
    "Plays are tallied by quarters of an hour, so a series is right on the clock of any time zone. "
    "Listeners, clients and referrers are tallied by UTC day: `audience_days` tells which days.",
    parameters=[
        CLIP_ID,
        *_PERIOD,
        *limits(200),
    ],
    auth=READERS,
    responses=_answers(ClipStatistics) | {(404, "application/json"): NOT_FOUND},
    examples=[_told(CLIP_STATISTICS), _SERIES_CSV],
)
library_statistics = extend_schema(
    tags=["statistics"],
    operation_id="library_statistics",
    summary="Statistics of the library",
    description="Clips and plays of the library, plays over time, the most played clips.",
    parameters=[
        OpenApiParameter(
            "window",
            description="Of the top clips.",
            enum=list(TOP_WINDOWS),
            default=DEFAULT_WINDOW,
        ),
        OpenApiParameter(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": TOP, "default": DEFAULT_TOP},
            description="How many top clips.",
        ),
        *_PERIOD,
        *limits(200),
    ],
    auth=READERS,
    responses=_answers(LibraryStatistics),
    examples=[_told(LIBRARY_STATISTICS), _SERIES_CSV],
)
