"""Changing many clips at once, for as short a time as can be."""

from collections.abc import Iterable

import orjson
from django.db import connection
from django.utils import timezone
from psycopg.sql import SQL, Composable, Identifier

from library.models import Clip

# What a change of its source makes unknown of a clip: what `Clip.forget_audio()` forgets.
FOUND_OUT = (
    "content_type",
    "size_bytes",
    "health",
    "health_reason",
    "health_since",
    "health_checked_at",
)
_UPDATE = SQL(
    "UPDATE library_clip SET {settings} FROM jsonb_to_recordset(%s) AS new (id bigint, {columns}) "
    "WHERE library_clip.id = new.id"
)


class StalePlanError(Exception):
    """What was confirmed is not what would happen now; nothing was written."""


def write(changed: list[tuple[Clip, set[str]]]) -> None:
    """Save these fields of clips, which nobody else may change until the transaction ends.

    Plays of these clips wait as long: so all is made ready before. NO KEY, because a play's event
    refers to the row and must not wait; in the order of ids, so that nobody can deadlock with it.
    Raises StalePlanError if somebody has changed one since it was read.
    """
    read = {clip.pk: clip.updated_at for clip, _ in changed}
    now = timezone.now()
    for clip, fields in changed:
        clip.updated_at = now
        if "audio_url" in fields:
            clip.forget_audio()
    written = {"updated_at"}.union(*(fields for _, fields in changed))
    # What others find out meanwhile of audio that stays is theirs.
    same = [clip for clip, fields in changed if "audio_url" not in fields]
    other = [clip for clip, fields in changed if "audio_url" in fields]
    updates = [_update(same, written), _update(other, written.union(FOUND_OUT))]
    locked = Clip.objects.filter(pk__in=read).order_by("pk").select_for_update(no_key=True)
    if dict(locked.values_list("pk", "updated_at")) != read:
        raise StalePlanError
    with connection.cursor() as cursor:
        for statement, values in updates:
            cursor.execute(statement, [values])


def _update(clips: list[Clip], names: set[str]) -> tuple[str, str]:
    """The statement that sets these fields to what the instances say, and its parameter.

    `bulk_update()` and an upsert make an expression of each value, and hold the locks meanwhile.
    """
    columns = {name: getattr(Clip, name).field.db_type(connection) for name in sorted(names)}
    values = [{name: getattr(clip, name) for name in ("id", *columns)} for clip in clips]
    statement = _UPDATE.format(
        settings=_listed(SQL("{0} = new.{0}").format(Identifier(name)) for name in columns),
        columns=_listed(
            SQL("{} {}").format(Identifier(name), SQL(kind)) for name, kind in columns.items()
        ),
    )
    return statement.as_string(), orjson.dumps(values).decode()


def _listed(parts: Iterable[Composable]) -> Composable:
    return SQL(", ").join(parts)
