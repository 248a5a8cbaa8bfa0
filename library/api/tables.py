"""Tables: CSV (RFC 4180)."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from io import StringIO
from typing import Any

from library.api.json_bodies import JSONRenderer
from library.cells import COMMAS, to_cell
from library.moments import moment_text


def write_table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return a table with these columns. A cell is empty if the row lacks its value.

    Texts are escaped so that spreadsheets do not treat them as formulas.
    """
    table = StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return table.getvalue()


def _cell(value: Any) -> str:
    """Return a value as a cell. Times keep their offset, and objects are JSON."""
    if isinstance(value, datetime):
        return moment_text(value)
    has_objects = isinstance(value, list) and any(isinstance(item, dict) for item in value)
    if isinstance(value, dict) or has_objects:
        return JSONRenderer().render(value).decode()
    return to_cell(value, COMMAS)
