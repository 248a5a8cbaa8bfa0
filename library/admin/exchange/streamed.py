"""Clips as a file, of any number of them: read and sent in pieces."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone

from library.admin.exchange.columns import COMMAS, EXPORTED, SEMICOLONS, Dialect, to_cell
from library.models import Clip

PIECE = 1000  # clips read at once

Record = dict[str, Any]
Pieces = Iterator[list[Record]]


@dataclass(frozen=True)
class Format:
    """A kind of file."""

    name: str
    extension: str
    content_type: str
    write: Callable[[Pieces], Iterator[bytes]]


def response(
    request: HttpRequest, clips: QuerySet[Clip], file_format: Format
) -> StreamingHttpResponse:
    """The clips as a file to be saved, in their order."""
    clips_url = request.build_absolute_uri(reverse("clip-list"))
    # Their ids first, some bytes of each: so each piece is a query of its own, and between two of
    # them neither a connection nor a transaction waits for a slow line.
    ids = list(clips.values_list("pk", flat=True))
    filename = f"clips-{timezone.now():%Y-%m-%d}.{file_format.extension}"
    return StreamingHttpResponse(
        file_format.write(_pieces(ids, clips_url)),
        content_type=file_format.content_type,
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )


def _pieces(ids: list[int], clips_url: str) -> Pieces:
    columns = [name for name in EXPORTED if name != "stream_url"]
    for start in range(0, len(ids), PIECE):
        piece = ids[start : start + PIECE]
        found = {row["id"]: row for row in Clip.objects.filter(pk__in=piece).values(*columns)}
        if not connection.in_atomic_block:
            connection.close()  # back to the pool
        yield [
            {**found[pk], "stream_url": f"{clips_url}/{pk}/stream"} for pk in piece if pk in found
        ]


def _json(pieces: Pieces) -> Iterator[bytes]:
    separator = b"[\n"
    for piece in pieces:
        for record in piece:
            yield separator + orjson.dumps(record, option=orjson.OPT_UTC_Z)
            separator = b",\n"
    yield b"\n]\n" if separator == b",\n" else b"[]\n"


def _csv(dialect: Dialect) -> Callable[[Pieces], Iterator[bytes]]:
    def write(pieces: Pieces) -> Iterator[bytes]:
        text = io.StringIO(newline="")
        line = csv.writer(text, delimiter=dialect.delimiter)
        text.write("\ufeff")  # without it Excel takes UTF-8 for something else
        line.writerow(EXPORTED)
        for piece in pieces:
            line.writerows(
                [to_cell(record[name], dialect) for name in EXPORTED] for record in piece
            )
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
        yield text.getvalue().encode()

    return write


CSV_TYPE = "text/csv; charset=utf-8"
FORMATS = {
    "csv": Format("CSV", "csv", CSV_TYPE, _csv(COMMAS)),
    "csv-semicolons": Format(
        "CSV with semicolons, for Excel where a comma is the decimal point",
        "csv",
        CSV_TYPE,
        _csv(SEMICOLONS),
    ),
    "json": Format("JSON", "json", "application/json", _json),
}
