"""Adding one clip, with less work than Django's INSERT: 1 ms of CPU time instead of 1.5."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson

from library.models.clip import Clip
from library.models.rows import read


def add_clip(values: Mapping[str, Any]) -> Clip:
    """Add a clip with these values, as `Clip.objects.create` does, and return it.

    All values are sent as one JSON object, and PostgreSQL plans the statement once for each
    connection. Raises django.db.Error.
    """
    clip = Clip(**values)
    row = {field.column: field.pre_save(clip, add=True) for field in _fields()}
    row["audio_file"] = clip.audio_file.name or ""
    clip.pk = read(_statement(), [orjson.dumps(row).decode()], prepared=True)[0]["id"]
    clip._state.adding = False
    clip._state.db = "default"
    return clip


@cache
def _fields() -> list[Any]:
    """Return the fields whose values the statement writes."""
    fields = Clip._meta.concrete_fields
    return [field for field in fields if not (field.primary_key or field.generated)]


@cache
def _statement() -> str:
    columns = ", ".join(f'"{field.column}"' for field in _fields())
    return (
        f"INSERT INTO library_clip ({columns}) SELECT {columns}"
        " FROM json_populate_record(NULL::library_clip, %s::json) RETURNING id"
    )
