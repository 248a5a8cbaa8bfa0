"""Updating many clips at once, with locks that are as short as possible."""

import orjson
from django.conf import settings
from django.db import connection
from django.utils import timezone
from psycopg.sql import SQL, Identifier

from library.models import Clip
from library.models.fields import CHECKS, SOUND, written_by
from library.models.transactions import allow_idle
from library.renditions.excerpt import FIELDS as PREVIEW_FIELDS
from library.tasks.renditions import renew_later

_UPDATE = SQL(
    "UPDATE library_clip SET {settings} FROM jsonb_to_recordset(%s) AS new (id bigint, {columns}) "
    "WHERE library_clip.id = new.id"
)


class StalePlanError(Exception):
    """Raised if clips have changed since the preview that was confirmed. Nothing is written."""


def write(changed: list[tuple[Clip, set[str]]]) -> None:
    """Save these fields of clips and lock the clips until the transaction ends.

    Plays of these clips wait that long, so everything is prepared before. The lock is NO KEY,
    because a play's event refers to the row and must not wait. It is taken in the order of ids, so
    that no deadlock can occur. Raises StalePlanError if a clip was changed since it was read.
    """
    read = {clip.pk: clip.updated_at for clip, _ in changed}
    now = timezone.now()
    for clip, fields in changed:
        clip.updated_at = now
        if "audio_url" in fields:
            clip.forget_audio()
    written = {"updated_at"}.union(*(fields for _, fields in changed))
    # If the source stays, so does what is known about its audio, even since the preview.
    same = [clip for clip, fields in changed if "audio_url" not in fields]
    other = [clip for clip, fields in changed if "audio_url" in fields]
    updates = [_update(same, written), _update(other, written.union(written_by(CHECKS, SOUND)))]
    locked = Clip.objects.filter(pk__in=read).order_by("pk").select_for_update(no_key=True)
    allow_idle(settings.POSTGRES_IDLE_IN_TRANSACTION)
    if dict(locked.values_list("pk", "updated_at")) != read:
        raise StalePlanError
    with connection.cursor() as cursor:
        for statement, values in updates:
            cursor.execute(statement, [values])
    renew_later(clip.pk for clip, fields in changed if not fields.isdisjoint(PREVIEW_FIELDS))


def _update(clips: list[Clip], names: set[str]) -> tuple[str, str]:
    """Return the statement that sets these fields to the instances' values, and its parameter.

    `bulk_update()` and an upsert would build an expression for each value while they hold the
    locks.
    """
    columns = {name: getattr(Clip, name).field.db_type(connection) for name in sorted(names)}
    values = [{name: getattr(clip, name) for name in ("id", *columns)} for clip in clips]
    settings = [SQL("{0} = new.{0}").format(Identifier(name)) for name in columns]
    types = [SQL("{} {}").format(Identifier(name), SQL(kind)) for name, kind in columns.items()]
    comma = SQL(", ")
    statement = _UPDATE.format(settings=comma.join(settings), columns=comma.join(types))
    return statement.as_string(), orjson.dumps(values).decode()
