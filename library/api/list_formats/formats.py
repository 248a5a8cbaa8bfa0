"""The formats that clients can choose, by `format` or by Accept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from library.api.etags import Representation, digest_of
from library.api.json_bodies import JSONRenderer
from library.api.list_formats import jsonfeed, m3u, rss, table
from library.api.list_formats.pages import Page
from library.api.list_formats.playable import COLUMNS, DURATION
from library.api.representation import FIELDS, columns
from library.models.rows import Row

JSON = "json"
NEWEST_FIRST = "-created_at"
_PLAYLIST = ("id", "title", "creator", *DURATION)
_FEED = (
    *("id", "title", "creator", *COLUMNS),
    *("description", "genre", "tags", "creator_url", "created_at", "updated_at"),
)


@dataclass(frozen=True)
class ListFormat:
    """A format. `needs` are the columns that it shows; None means the chosen fields."""

    media_types: tuple[str, ...]  # the first is the default
    render: Callable[[Page], bytes]
    needs: tuple[str, ...] | None = None
    parameters: str = ""  # of the media type
    file_name: str = ""
    ordering: str | None = None  # if the request has none


FORMATS: Mapping[str, ListFormat] = {
    "m3u": ListFormat(
        (
            *("audio/mpegurl", "audio/x-mpegurl"),
            *("application/vnd.apple.mpegurl", "application/x-mpegurl"),
        ),
        m3u.render,
        _PLAYLIST,
        "; charset=utf-8",
        "clips.m3u8",
    ),
    "rss": ListFormat(
        (rss.MEDIA_TYPE,), rss.render, _FEED, "; charset=utf-8", ordering=NEWEST_FIRST
    ),
    "jsonfeed": ListFormat((jsonfeed.MEDIA_TYPE,), jsonfeed.render, _FEED, ordering=NEWEST_FIRST),
    "csv": ListFormat(("text/csv",), table.render, None, "; charset=utf-8", "clips.csv"),
}


def _renderer(name: str, kind: str) -> type[BaseRenderer]:
    """Return a class that stands for a media type in REST framework's negotiation."""
    return type("ListRenderer", (JSONRenderer,), {"media_type": kind, "format": name})


RENDERERS: tuple[type[BaseRenderer], ...] = (
    JSONRenderer,
    *(
        _renderer(name, kind)
        for name in ("jsonfeed", "rss", "csv", "m3u")
        for kind in FORMATS[name].media_types
    ),
)


def chosen_format(request: Request, query: dict[str, Any]) -> ListFormat | None:
    """Return the format of the response, and complete the query for it; None for JSON.

    Raises ValidationError if the query has fields, but the format has fields of its own.
    """
    name = query.get("format") or request.accepted_renderer.format
    chosen = FORMATS.get(name)
    if chosen is None:
        return None
    if chosen.needs is not None and "fields" in query:
        sentence = f"Leave it out: {name} has fields of its own. Only json and csv have a choice."
        raise ValidationError({"fields": [ErrorDetail(sentence, "invalid")]})
    if chosen.ordering is not None:
        query.setdefault("ordering", chosen.ordering)
    return chosen


def columns_of(chosen: ListFormat, fields: tuple[str, ...]) -> Sequence[str]:
    """Return the columns to read."""
    return columns(fields) if chosen.needs is None else list(dict.fromkeys(chosen.needs))


def shows_only_the_library(chosen: ListFormat | None, rows: Sequence[Row]) -> bool:
    """Return whether the response stays the same as long as the library does.

    A size that no check has found is that of this machine's copy, which may arrive later.
    """
    shows_sizes = chosen is not None and "size_bytes" in (chosen.needs or ())
    return not shows_sizes or all(row["size_bytes"] is not None for row in rows)


def represented_as(
    chosen: ListFormat,
    request: Request,
    rows: Sequence[Row],
    links: Mapping[str, str],
    headers: dict[str, str],
    fields: tuple[str, ...] = FIELDS,
) -> Representation:
    """Return the response's body with its type and tag, and add the file's name to the headers."""
    body = chosen.render(Page.of(request, rows, links, fields))
    kind = request.accepted_media_type
    if kind not in chosen.media_types:  # `format` chose it
        kind = chosen.media_types[0]
    if chosen.file_name:
        disposition = "attachment" if chosen.needs is None else "inline"
        headers["Content-Disposition"] = f'{disposition}; filename="{chosen.file_name}"'
    digest = digest_of(body, headers)
    return Representation(body, "", digest, media_type=f"{kind}{chosen.parameters}")
