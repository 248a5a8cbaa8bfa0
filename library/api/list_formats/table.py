"""Tables: CSV (RFC 4180) with a line for each clip, and its fields as columns."""

import csv
from io import StringIO
from typing import Any

from library.api.json_bodies import JSONRenderer
from library.api.list_formats.pages import Page
from library.api.representation import shown
from library.cells import COMMAS, to_cell


def render(page: Page) -> bytes:
    """Return the table. Texts are escaped so that spreadsheets do not treat them as formulas."""
    table = StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(page.fields)
    for clip in shown(page.rows, page.request, page.fields):
        writer.writerow([_cell(value) for value in clip.values()])
    return table.getvalue().encode()


def _cell(value: Any) -> str:
    """Return a value as a cell. Objects are JSON, and tags are separated by commas."""
    has_objects = isinstance(value, list) and any(isinstance(item, dict) for item in value)
    if isinstance(value, dict) or has_objects:
        return JSONRenderer().render(value).decode()
    return to_cell(value, COMMAS)
