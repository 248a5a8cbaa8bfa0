"""A clip as the API shows it: made in one place, so that no two answers differ.

Made from a row of plain values: a list of a hundred clips costs a third of what model instances
and serializer fields cost (benchmarks/RESULTS.md).
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.reverse import reverse

from library.licences import LICENCES, attribution
from library.models import Clip

Row = dict[str, Any]
Show = Callable[[Row], dict[str, Any]]

FIELDS = (
    "id",
    "title",
    "description",
    "genre",
    "duration",
    "audio_url",
    "stream_url",
    "play_count",
    "created_at",
    "updated_at",
    "tags",
    "creator",
    "creator_url",
    "licence",
    "licence_url",
    "attribution",
    "content_type",
    "size_bytes",
    "health",
    "state",
)
# The columns of each field that is not simply the column of its name.
_COLUMNS = {
    "stream_url": (),
    "licence_url": ("licence",),
    "attribution": ("title", "creator", "licence"),
    "health": ("health", "health_reason", "health_since"),
}


def columns(fields: Iterable[str] = FIELDS) -> list[str]:
    """The columns to read for these fields, and always the id."""
    needed = [column for field in fields for column in _COLUMNS.get(field, (field,))]
    return list(dict.fromkeys(["id", *needed]))


def row_of(clip: Clip) -> Row:
    """An instance's row."""
    return {column: getattr(clip, column) for column in columns()}


def shown_to(request: HttpRequest | Request | None, fields: tuple[str, ...] = FIELDS) -> Show:
    """What makes the JSON of a row, with URLs as the request's sender sees us."""
    clips_url = reverse("clip-list", request=request)
    makers = {field: _MAKERS[field] for field in fields if field in _MAKERS}

    def show(row: Row) -> dict[str, Any]:
        stream_url = f"{clips_url}/{row['id']}/stream"
        return {
            field: makers[field](row, stream_url) if field in makers else row[field]
            for field in fields
        }

    return show


def _health(row: Row, _: str) -> dict[str, Any]:
    return {
        "status": row["health"],
        "reason": row["health_reason"],
        "since": row["health_since"],
    }


def _licence_url(row: Row, _: str) -> str | None:
    licence = LICENCES.get(row["licence"])
    return licence.url if licence else None


def _attribution(row: Row, _: str) -> str | None:
    return attribution(row["title"], row["creator"], LICENCES.get(row["licence"]))


_MAKERS: dict[str, Callable[[Row, str], Any]] = {
    # a clip whose audio is uploaded has its stream as audio_url
    "audio_url": lambda row, stream_url: row["audio_url"] or stream_url,
    "stream_url": lambda _, stream_url: stream_url,
    "licence_url": _licence_url,
    "attribution": _attribution,
    "health": _health,
}
