"""Clips as a file of any length, read and sent in pieces."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone

from library.admin.exchange.columns import EXPORTED, SEMICOLONS
from library.cells import COMMAS, Dialect, to_cell
from library.models import Clip

PIECE = 1000  # clips read by one query

Record = dict[str, Any]
Pieces = Iterable[list[Record]]


@dataclass(frozen=True)
class Format:
    """A format of files; `write` returns the file's content, given its records and columns."""

    name: str
    extension: str
    content_type: str
    write: Callable[[Pieces, Sequence[str]], Iterator[bytes]]


def response(
    request: HttpRequest, clips: QuerySet[Clip], file_format: Format
) -> StreamingHttpResponse:
    """Return the clips as a file to download, in the order of the queryset."""
    clips_url = request.build_absolute_uri(reverse("clip-list"))
    # Ids are small, so they are all read first. Each piece is then a query of its own, and no
    # transaction waits for a slow client between two pieces.
    ids = list(clips.values_list("pk", flat=True))
    filename = f"clips-{timezone.now():%Y-%m-%d}"
    return download(filename, _pieces(ids, clips_url), EXPORTED, file_format)


def download(
    filename: str, pieces: Pieces, columns: Sequence[str], file_format: Format
) -> StreamingHttpResponse:
    """Return records as a file to download."""
    filename = f"{filename}.{file_format.extension}"
    return StreamingHttpResponse(
        file_format.write(pieces, columns),
        content_type=file_format.content_type,
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )


def _pieces(ids: list[int], clips_url: str) -> Pieces:
    columns = [name for name in EXPORTED if name != "stream_url"]
    for start in range(0, len(ids), PIECE):
        piece = ids[start : start + PIECE]
        found = {row["id"]: row for row in Clip.objects.filter(pk__in=piece).values(*columns)}
        yield [
            {**found[pk], "stream_url": f"{clips_url}/{pk}/stream"} for pk in piece if pk in found
        ]


def _json(pieces: Pieces, columns: Sequence[str]) -> Iterator[bytes]:
    separator = b"[\n"
    for piece in pieces:
        for record in piece:
            shown = {name: record[name] for name in columns}
            yield separator + orjson.dumps(shown, option=orjson.OPT_UTC_Z)
            separator = b",\n"
    yield b"\n]\n" if separator == b",\n" else b"[]\n"


def _csv(dialect: Dialect, pieces: Pieces, columns: Sequence[str]) -> Iterator[bytes]:
    text = io.StringIO(newline="")
    line = csv.writer(text, delimiter=dialect.delimiter)
    text.write("\ufeff")  # without it, Excel does not recognise UTF-8
    line.writerow(columns)
    for piece in pieces:
        line.writerows([to_cell(record[name], dialect) for name in columns] for record in piece)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()


CSV_TYPE = "text/csv; charset=utf-8"
WITH_SEMICOLONS = "CSV with semicolons, for Excel with a decimal comma"
FORMATS = {
    "csv": Format("CSV", "csv", CSV_TYPE, partial(_csv, COMMAS)),
    "csv-semicolons": Format(WITH_SEMICOLONS, "csv", CSV_TYPE, partial(_csv, SEMICOLONS)),
    "json": Format("JSON", "json", "application/json", _json),
}
