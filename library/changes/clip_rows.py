"""Clips by id, as streams need them: many in one query."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from library.direct_connection import Call

READ = b"SELECT library_stream_clips($1)"
HIGHEST_ID = 2**63 - 1  # of PostgreSQL's bigint


class ClipRow(NamedTuple):
    """The row of a clip, which may be deleted or not published.

    `token` differs after any change of the row, also after a play. `updated_at` is the version that
    `library.plays.record.Play` names.
    """

    id: int
    title: str
    audio_url: str
    audio_file: str
    state: str
    withdrawn_reason: str | None
    is_deleted: bool
    updated_at: datetime
    token: str
    renditions: list[dict[str, Any]] | None
    audio_etag: str | None  # of the last analysis, even if it failed


UPDATED_AT = ClipRow._fields.index("updated_at")


def read_call(ids: Sequence[int]) -> Call:
    """Return the statement that reads these clips."""
    wanted = ",".join(str(clip_id) for clip_id in set(ids) if clip_id <= HIGHEST_ID)
    return READ, [f"{{{wanted}}}".encode()]


def rows_of(ids: Sequence[int], value: bytes) -> list[ClipRow | None]:
    """Return the row of each id from the statement's value; None if there is none."""
    found = {}
    for values in orjson.loads(value):
        row = ClipRow(*values)
        found[row.id] = row._replace(updated_at=datetime.fromisoformat(values[UPDATED_AT]))
    return [found.get(clip_id) for clip_id in ids]
