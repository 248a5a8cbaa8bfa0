"""Adding one clip, with less work than Django's INSERT: 1 ms of CPU time instead of 1.5."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson
from django.db import connection

from library.models.clip import Clip
from library.models.rows import read
from library.models.transactions import FLUSH


def add_clip(values: Mapping[str, Any]) -> Clip:
    """Add a clip with these values, as `Clip.objects.create` does, and return it.

    All values are sent as one JSON object, and PostgreSQL plans the statement once for each
    connection. Raises django.db.Error.

    The commit of a clip holds the lock of the numbers of changes (decision 16). So that clips which
    are added at the same time do not queue for the disk one by one, a commit of its own does not
    wait for it; this function does, before it returns.
    """
    clip = Clip(**values)
    row = {field.column: field.pre_save(clip, add=True) for field in _fields()}
    row["audio_file"] = clip.audio_file.name or ""
    commits = not connection.in_atomic_block
    added = read(_statement(commits=commits), [orjson.dumps(row).decode()], prepared=True)
    if commits:
        read(FLUSH, prepared=True)
    clip.pk = added[0]["id"]
    clip._state.adding = False
    clip._state.db = "default"
    return clip


@cache
def _fields() -> list[Any]:
    """Return the fields whose values the statement writes."""
    fields = Clip._meta.concrete_fields
    return [field for field in fields if not (field.primary_key or field.generated)]


@cache
def _statement(*, commits: bool) -> str:
    columns = ", ".join(f'"{field.column}"' for field in _fields())
    not_waiting = ", set_config('synchronous_commit', 'off', true)" if commits else ""
    return (
        f"INSERT INTO library_clip ({columns}) SELECT {columns}"
        f" FROM json_populate_record(NULL::library_clip, %s::json){not_waiting} RETURNING id"
    )
