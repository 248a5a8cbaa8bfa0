"""The columns of clips in files, and their values as cells of a spreadsheet: written, read back."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware

# What editors write, in the order in which it is exported.
WRITTEN = (
    "title",
    "description",
    "genre",
    "tags",
    "duration",
    "audio_url",
    "creator",
    "creator_url",
    "licence",
    "state",
    "withdrawn_reason",
)
REQUIRED = ("title", "genre", "duration", "audio_url")  # of a new clip
# What is found out, counted or decided elsewhere: exported, and passed over by an import.
KEPT = (
    "health",
    "health_reason",
    "health_since",
    "content_type",
    "size_bytes",
    "audio_file",
    "play_count",
    "first_played_at",
    "last_played_at",
    "created_at",
    "updated_at",
    "deleted_at",
)
EXPORTED = ("id", *WRITTEN, *KEPT, "stream_url")
IMPORTED = ("id", *WRITTEN, "updated_at")  # `updated_at`: to tell an old file
PASSED_OVER = frozenset((*EXPORTED, "licence_url", "attribution")) - frozenset(IMPORTED)

# Whatever a spreadsheet might take for the beginning of a cell, though it splits the file by
# another separator than it was written with, and then for a formula (OWASP, CSV injection; the
# last four are what a Japanese keyboard types).
_FORMULA = "('*[=+\\-@\uff1d\uff0b\uff0d\uff20])"
_UNGUARDED = re.compile(f"(^|[,;\t\r\n]){_FORMULA}")
_GUARDED = re.compile(f"(^|[,;\t\r\n])'{_FORMULA}")


@dataclass(frozen=True)
class Dialect:
    """How a CSV file separates its cells, and writes decimals."""

    delimiter: str
    decimal: str


COMMAS = Dialect(",", ".")
SEMICOLONS = Dialect(";", ",")  # of spreadsheets where a comma is the decimal point
TABS = Dialect("\t", ".")


def column_name(header: str) -> str:
    """The column that a header means: case, spaces and American spelling do not matter."""
    name = "_".join(header.lower().replace("-", " ").replace("_", " ").split())
    return {"license": "licence", "license_url": "licence_url"}.get(name, name)


def to_text(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, float):
        return str(value).removesuffix(".0")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def to_time(text: Any) -> datetime | None:
    """The time that a text tells, in UTC unless it says otherwise; None if it tells none."""
    try:
        time = parse_datetime(text.strip()) if isinstance(text, str) else None
    except ValueError:  # such as a thirteenth month
        return None
    return make_aware(time, UTC) if time is not None and is_naive(time) else time


def to_cell(value: Any, dialect: Dialect) -> str:
    """A value as a cell, which no spreadsheet takes for a formula."""
    text = to_text(value)
    if isinstance(value, (str, list)):
        return _UNGUARDED.sub(r"\1'\2", text)
    return text.replace(".", dialect.decimal) if isinstance(value, float) else text


def from_cell(column: str, cell: str, dialect: Dialect) -> Any:
    """What a cell says, as JSON would say it: a list of tags, a point in a number."""
    text = _GUARDED.sub(r"\1\2", cell)
    if column == "tags":
        return [tag for tag in text.split(",") if tag.strip()]
    if column == "duration":
        return _with_point(text.strip(), dialect)
    return text


def _with_point(number: str, dialect: Dialect) -> str:
    """A number with its comma for a point; `1,500` stays, which may be one and a half or more."""
    whole, comma, decimals = number.partition(",")
    meant = dialect.decimal == "," or len(decimals) != len("500")
    if comma and meant and whole.isdigit() and decimals.isdigit():
        return f"{whole}.{decimals}"
    return number
