"""The parser of CSV and JSON files. It explains why it refuses a file."""

import csv
import io
import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, NamedTuple

import orjson
from django.conf import settings

from library.admin.exchange.columns import (
    IGNORED,
    IMPORTED,
    SEMICOLONS,
    TABS,
    column_name,
    from_cell,
)
from library.cells import COMMAS, Dialect

MAX_BYTES = settings.CLIPS_IMPORT_MAX_BYTES
MAX_ROWS = 10_000
SAVE_AS = "In a spreadsheet, save it as “CSV UTF-8”."

_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how .xlsx and .ods begin, and .xls
_SEPARATOR_LINE = re.compile(r'\A"?sep=[,;\t]"?[,;\t]*(?:\r\n?|\n)', re.IGNORECASE)  # of Excel
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class UnreadableFileError(ValueError):
    """Raised for a file that cannot be read. The text says why, and what to do."""


class Row(NamedTuple):
    """A row of the file, with its cells by column, or the `problem` that makes it unreadable.

    `number` counts from 1, in CSV from the header as spreadsheets do.
    """

    number: int
    cells: dict[str, Any]
    problem: str = ""


@dataclass(frozen=True)
class ParsedFile:
    """The rows of a file, and its columns by what an import does with them."""

    rows: list[Row]
    columns: list[str]  # imported
    ignored: list[str]  # known, but not imported
    unknown: list[str]


def read(data: bytes, name: str) -> ParsedFile:
    """Parse a file. Raises UnreadableFileError."""
    if len(data) > MAX_BYTES:
        raise UnreadableFileError(
            f"This file is larger than {MAX_BYTES // 1_000_000} MB. Split it into several files."
        )
    text = _decoded(data)
    if not text.strip():
        raise UnreadableFileError("This file is empty.")
    is_json = name.lower().endswith(".json") or text.lstrip()[0] in "[{"
    rows, headers = _json_rows(text) if is_json else _csv_rows(text)
    if len(rows) > MAX_ROWS:
        raise UnreadableFileError(
            f"This file has {len(rows):,} rows. An import can have {MAX_ROWS:,}. Split the file."
        )
    if not rows:
        raise UnreadableFileError("There are no clips in this file.")
    return ParsedFile(
        rows,
        columns=[name for name in headers if name in IMPORTED],
        ignored=[name for name in headers if name in IGNORED],
        unknown=[name for name in headers if name not in IMPORTED and name not in IGNORED],
    )


def _decoded(data: bytes) -> str:
    if data.startswith(_SPREADSHEETS):
        raise UnreadableFileError(f"This file is in the format of a spreadsheet program. {SAVE_AS}")
    if data.startswith(_UTF_16):
        raise UnreadableFileError(f"This file is text in UTF-16. {SAVE_AS}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableFileError(
            f"This file is not text in UTF-8 (see line {line}). {SAVE_AS}"
        ) from None
    if "\0" in text:
        raise UnreadableFileError(f"This file is not text: it contains NUL characters. {SAVE_AS}")
    return text


def _json_rows(text: str) -> tuple[list[Row], list[str]]:
    try:
        items = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UnreadableFileError(
            f"This is not JSON: see line {error.lineno}, column {error.colno}."
        ) from None
    if not isinstance(items, list):
        raise UnreadableFileError('The JSON must be a list of clips: [{"title": …}, …].')
    rows, headers = [], dict[str, None]()
    for number, item in enumerate(items, 1):
        if isinstance(item, dict):
            cells = {column_name(key): value for key, value in item.items()}
            headers.update(dict.fromkeys(cells))
            rows.append(Row(number, cells))
        else:
            rows.append(Row(number, {}, 'This item must be an object, such as {"title": …}.'))
    return rows, list(headers)


def _csv_rows(text: str) -> tuple[list[Row], list[str]]:
    text = _SEPARATOR_LINE.sub("", text)
    dialect, columns = max(
        ((dialect, _header(text, dialect)) for dialect in (COMMAS, SEMICOLONS, TABS)),
        key=lambda found: len(set(found[1]).intersection(IMPORTED)),
    )
    if not set(columns).intersection(IMPORTED):
        raise UnreadableFileError(
            f"The first row must name the columns, such as: {', '.join(IMPORTED[:6])}."
        )
    for name in columns:
        if name and columns.count(name) > 1:
            raise UnreadableFileError(f"The column “{name}” occurs more than once.")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter, strict=True)
    try:
        rows = [
            _csv_row(number, columns, line, dialect)
            for number, line in enumerate(lines, 1)
            if number > 1 and any(cell.strip() for cell in line)
        ]
    except csv.Error as error:
        where = f"line {lines.line_num} ({error})"
        raise UnreadableFileError(f"This is not CSV: see {where}.") from None
    return rows, [name for name in columns if name]


def _header(text: str, dialect: Dialect) -> list[str]:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter)
    try:
        return [column_name(cell) for cell in next(lines, [])]
    except csv.Error:
        return []


def _csv_row(number: int, columns: list[str], line: list[str], dialect: Dialect) -> Row:
    """Return a row. Spreadsheets may omit empty cells at its end, or add some."""
    cells = dict(zip_longest(columns, line[: len(columns)], fillvalue=""))
    problem = (
        f"This row has {len(line)} cells, but there are {len(columns)} columns. Put quotes around "
        "text that contains a separator."
    )
    return Row(
        number,
        {name: from_cell(name, cell, dialect) for name, cell in cells.items() if name},
        problem if any(line[len(columns) :]) else "",
    )
