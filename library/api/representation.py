"""The JSON of a clip, made in one place, so that all responses agree.

It is made from a row of plain values. For a list of a hundred clips this costs a third of what
model instances and serializer fields cost (benchmarks/RESULTS.md).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from rest_framework.request import Request

from library.licences import LICENCES, attribution
from library.models.fields import CLIP_FIELDS
from library.models.rows import Row

# Fields of the JSON that are computed, after the column that they belong to.
COMPUTED = {
    "audio_url": ("stream_url",),
    "licence": ("licence_url", "attribution"),
    "renditions": ("preview_url",),
}
# The first release began with these, in this order. All others follow in the declared order.
_FIRST = (
    *("id", "title", "description", "genre", "duration", "audio_url", "stream_url"),
    *("play_count", "created_at", "updated_at"),
)
_DECLARED = [
    name
    for field in CLIP_FIELDS
    if field.shown
    for name in (field.name, *COMPUTED.get(field.name, ()))
]
FIELDS = tuple(
    sorted(_DECLARED, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
)
# The columns of each field that is not simply the column of its name.
_COLUMNS = {
    "stream_url": (),
    "licence_url": ("licence",),
    "attribution": ("title", "creator", "licence"),
    "health": ("health", "health_reason", "health_since"),
    "preview_url": ("renditions",),
}


def columns(fields: Iterable[str] = FIELDS) -> list[str]:
    """Return the columns to read for these fields; the id is always among them."""
    needed = [column for field in fields for column in _COLUMNS.get(field, (field,))]
    return list(dict.fromkeys(["id", *needed]))


def select_list(columns: Iterable[str]) -> str:
    """Return the columns in SQL."""
    return ", ".join(f'"{column}"' for column in columns)


def shown(
    rows: Sequence[Row], request: HttpRequest | Request | None, fields: tuple[str, ...] = FIELDS
) -> list[dict[str, Any]]:
    """Return the JSON of rows that have the same columns, with absolute URLs for this request."""
    clips_url = clips_path() if request is None else request.build_absolute_uri(clips_path())
    makers = [(field, make) for field, make in _MAKERS.items() if field in fields]
    in_order = dict.fromkeys(fields)
    hidden = [column for column in rows[0] if column not in in_order] if rows else []
    clips = []
    for row in rows:
        stream_url = f"{clips_url}/{row['id']}/stream"
        clip = {**in_order, **row}
        for field, make in makers:
            clip[field] = make(row, stream_url)
        for column in hidden:
            del clip[column]
        clips.append(clip)
    return clips


@cache
def clips_path() -> str:
    """Return the path of the list."""
    return reverse("clip-list")


def _health(row: Row, _: str) -> dict[str, Any]:
    return {"status": row["health"], "reason": row["health_reason"], "since": row["health_since"]}


def _licence_url(row: Row, _: str) -> str | None:
    licence = LICENCES.get(row["licence"])
    return licence.url if licence else None


def _attribution(row: Row, _: str) -> str | None:
    return attribution(row["title"], row["creator"], LICENCES.get(row["licence"]))


def _renditions(row: Row, stream_url: str) -> list[dict[str, Any]]:
    shown = []
    for made in row["renditions"] or ():
        query = f"part={made['part']}&format={made['format']}&quality={made['quality']}"
        shown.append({**made, "url": f"{stream_url}?{query}"})
        del shown[-1]["file"]
    return shown


def _preview_url(row: Row, stream_url: str) -> str | None:
    if any(made["part"] == "preview" for made in row["renditions"] or ()):
        return f"{stream_url}?part=preview"
    return None


_MAKERS: dict[str, Callable[[Row, str], Any]] = {
    # the audio_url of a clip with an upload is its stream
    "audio_url": lambda row, stream_url: row["audio_url"] or stream_url,
    "stream_url": lambda _, stream_url: stream_url,
    "licence_url": _licence_url,
    "attribution": _attribution,
    "health": _health,
    # before the column that it is made from
    "preview_url": _preview_url,
    "renditions": _renditions,
}
