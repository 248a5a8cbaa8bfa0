"""The JSON of a clip, made in one place, so that all responses agree.

It is made from a row of plain values. For a list of a hundred clips this costs a third of what
model instances and serializer fields cost (benchmarks/RESULTS.md).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from rest_framework.request import Request

from library.licences import LICENCES, attribution
from library.models import Part
from library.models.fields import CLIP_FIELDS
from library.models.rows import Row
from library.renditions.variants import DEFAULT_PREVIEW, Variant

# Fields of the JSON that are computed, after the column that they belong to.
COMPUTED = {
    "audio_url": ("stream_url", "page_url"),
    "licence": ("licence_url", "attribution"),
    "renditions": ("preview_url",),
}
# The first release began with these, `page_url` aside. All others follow in the declared order.
_FIRST = (
    *("id", "title", "description", "genre", "duration", "audio_url", "stream_url", "page_url"),
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
# What a clip shows of a rendition, apart from its URL and its ETag.
_RENDITION = ("part", "format", "quality", "duration", "size_bytes", "content_type")
# The columns of each field that is not simply the column of its name.
_COLUMNS = {
    "stream_url": (),
    "page_url": (),
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
    pages_url = clips_url.removesuffix(clips_path()) + pages_path()
    makers = [(field, make) for field, make in _MAKERS.items() if field in fields]
    in_order = dict.fromkeys(fields)
    hidden = [column for column in rows[0] if column not in in_order] if rows else []
    clips = []
    for row in rows:
        stream_url = f"{clips_url}/{row['id']}/stream"
        clip = {**in_order, **row}
        for field, make in makers:
            clip[field] = make(row, stream_url)
        if "page_url" in in_order:
            clip["page_url"] = f"{pages_url}/{row['id']}"
        for column in hidden:
            del clip[column]
        clips.append(clip)
    return clips


@cache
def clips_path() -> str:
    """Return the path of the list."""
    return reverse("clip-list")


@cache
def pages_path() -> str:
    """Return the path below which each clip has its page."""
    return reverse("clip-page", args=[0]).removesuffix("/0")


def _health(row: Row, _: str) -> dict[str, Any]:
    return {"status": row["health"], "reason": row["health_reason"], "since": row["health_since"]}


def _licence_url(row: Row, _: str) -> str | None:
    licence = LICENCES.get(row["licence"])
    return licence.url if licence else None


def _attribution(row: Row, _: str) -> str | None:
    return attribution(row["title"], row["creator"], LICENCES.get(row["licence"]))


def _audio_url(row: Row, stream_url: str) -> str:
    """Return the source's URL; the stream's if the audio was uploaded, or is not public."""
    is_public = settings.CLIPS_PUBLISH == Part.WHOLE
    return (is_public and row["audio_url"]) or stream_url


def is_stream_of(clip_id: int, url: object) -> bool:
    """Return whether a URL is that of a clip's stream, on whichever host clients reach it.

    Clips show it as their `audio_url` if that is not public, so clients send it back.
    """
    try:
        path = urlsplit(url).path if isinstance(url, str) else ""
    except ValueError:
        return False
    return path.strip().endswith(f"{clips_path()}/{clip_id}/stream")


def _renditions(row: Row, stream_url: str) -> list[dict[str, Any]]:
    shown = []
    for made in row["renditions"] or ():
        if made["part"] in (Part.PREVIEW, settings.CLIPS_PUBLISH):
            facts = {name: made[name] for name in _RENDITION}
            url = f"{stream_url}?{_query(made)}"
            shown.append({**facts, "url": url, "etag": made["etag"]})
    return shown


def _preview_url(row: Row, stream_url: str) -> str | None:
    """Return the URL of the first preview of the list, which is the default one if it exists."""
    for made in row["renditions"] or ():
        if made["part"] == Part.PREVIEW:
            is_default = Variant.of(made) == DEFAULT_PREVIEW
            return f"{stream_url}?{'part=preview' if is_default else _query(made)}"
    return None


def _query(made: dict[str, Any]) -> str:
    return f"part={made['part']}&format={made['format']}&quality={made['quality']}"


_MAKERS: dict[str, Callable[[Row, str], Any]] = {
    "audio_url": _audio_url,
    "stream_url": lambda _, stream_url: stream_url,
    "licence_url": _licence_url,
    "attribution": _attribution,
    "health": _health,
    # before the column that it is made from
    "preview_url": _preview_url,
    "renditions": _renditions,
}
