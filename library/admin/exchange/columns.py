"""The columns of files of clips, and the conversion between values and cells of a spreadsheet."""

import re
from datetime import UTC, datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware

from library.api import representation
from library.cells import FORMULA, Dialect, to_text
from library.models import Clip, State
from library.models.fields import CLIP_FIELDS, EDITORS, NUMBERS, written_by

# The model fields that an import writes, by column. Files cannot contain uploads. Of the
# decisions, an import can only change the state of a clip and the reason for its withdrawal.
WRITTEN: dict[str, Any] = {
    name: Clip._meta.get_field(name)
    for name in (*written_by(EDITORS), "state", "withdrawn_reason")
    if not isinstance(Clip._meta.get_field(name), models.FileField)
}
# The columns that a new clip needs: its audio can only come from a URL.
REQUIRED = frozenset(
    name
    for name, field in WRITTEN.items()
    if name == "audio_url" or not (field.blank or field.null or field.has_default())
)
# All other fields of a clip are exported, but an import ignores them.
_OTHERS = (
    field.name
    for field in Clip._meta.concrete_fields
    if field.name not in ("id", *WRITTEN) and not field.generated
)
EXPORTED = ("id", *WRITTEN, *_OTHERS, "stream_url")
IMPORTED = ("id", *WRITTEN, "updated_at")  # `updated_at` reveals that a file is outdated
IGNORED = frozenset((*EXPORTED, *representation.FIELDS)) - frozenset(IMPORTED)

TEMPLATE_COLUMNS = ("id", *WRITTEN)
EXAMPLES: dict[str, Any] = {field.name: field.example for field in CLIP_FIELDS}
EXAMPLES["state"] = State.DRAFT.value
# Descriptions of columns whose help text is missing or written for the form.
NOTES = {
    "id": "The clip to change; empty to add a clip.",
    "tags": "Separated by commas; a list in JSON.",
    "duration": "Seconds.",
    "audio_url": "Address of the audio: http or https. Nothing is downloaded now. Audio files "
    "cannot be imported: upload them on the page of a clip.",
    "licence": "An SPDX identifier or a Creative Commons address.",
    "state": f"One of {', '.join(State.values)}.",
    "withdrawn_reason": "The reason for a withdrawal, which the public sees.",
    "updated_at": "The time from the export. If the clip was changed later, the row is refused.",
}

_GUARDED = re.compile(f"(^|[,;\t\r\n])'{FORMULA}")


SEMICOLONS = Dialect(";", ",")  # of spreadsheets with a decimal comma
TABS = Dialect("\t", ".")


def described_columns() -> list[dict[str, str]]:
    """Return all columns that an import reads, as the page describes them."""
    described = []
    for name in IMPORTED:
        note = NOTES.get(name) or str(WRITTEN[name].help_text)
        if name in REQUIRED:
            note = f"{note} Required for a new clip.".lstrip()
        described.append({"name": name, "note": note, "example": to_text(EXAMPLES[name])})
    return described


def column_name(header: str) -> str:
    """Return the column for a header, ignoring case, spaces and American spelling."""
    name = "_".join(header.lower().replace("-", " ").replace("_", " ").split())
    return {"license": "licence", "license_url": "licence_url"}.get(name, name)


def to_time(text: Any) -> datetime | None:
    """Return the time in a text, in UTC unless it names another zone; None if there is none."""
    try:
        time = parse_datetime(text.strip()) if isinstance(text, str) else None
    except ValueError:  # such as a thirteenth month
        return None
    return make_aware(time, UTC) if time is not None and is_naive(time) else time


def from_cell(column: str, cell: str, dialect: Dialect) -> Any:
    """Return the content of a cell as JSON has it: arrays as lists, numbers with a point."""
    text = _GUARDED.sub(r"\1\2", cell)
    field = WRITTEN.get(column)
    if isinstance(field, ArrayField):
        return [item for item in text.split(",") if item.strip()]
    if isinstance(field, NUMBERS):
        return _with_point(text.strip(), dialect)
    return text


def _with_point(number: str, dialect: Dialect) -> str:
    """Replace a decimal comma by a point, unless it may separate thousands as in `1,500`."""
    whole, comma, decimals = number.partition(",")
    is_decimal = dialect.decimal == "," or len(decimals) != len("500")
    if comma and is_decimal and whole.isdigit() and decimals.isdigit():
        return f"{whole}.{decimals}"
    return number
