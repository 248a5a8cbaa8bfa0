"""Changing many clips at once, for as short a time as can be."""

from collections.abc import Iterable

import orjson
from django.db import connection
from django.utils import timezone
from psycopg.sql import SQL, Composable, Identifier

from library.models import Clip, State
from library.models.clip import DECIDED

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


class ChangedMeanwhileError(Exception):
    """What was confirmed is not what would happen now; nothing was written."""


def write(changed: list[tuple[Clip, set[str]]]) -> None:
    """Save these fields of clips, which nobody else may change until the transaction ends.

    Plays of these clips wait as long. NO KEY, because a play's event refers to the row and must not
    wait; in the order of ids, so that nobody can deadlock with it. Raises ChangedMeanwhileError if
    somebody has changed one since it was read.
    """
    locked = Clip.objects.filter(pk__in=[clip.pk for clip, _ in changed]).order_by("pk")
    versions = dict(locked.select_for_update(no_key=True).values_list("pk", "updated_at"))
    if any(versions.get(clip.pk) != clip.updated_at for clip, _ in changed):
        raise ChangedMeanwhileError
    now = timezone.now()
    for clip, fields in changed:
        clip.updated_at = now
        if "audio_url" in fields:
            clip.forget_audio()
    written = {"updated_at"}.union(*(fields for _, fields in changed)) - DECIDED
    here = [(clip, fields) for clip, fields in changed if fields - DECIDED]
    # What others find out meanwhile of audio that stays is theirs.
    _update([clip for clip, fields in here if "audio_url" not in fields], written)
    _update([clip for clip, fields in here if "audio_url" in fields], written.union(FOUND_OUT))
    _decide(clip for clip, fields in changed if fields & DECIDED)


def _update(clips: list[Clip], names: set[str]) -> None:
    """Set these fields to what the instances say, in one statement.

    `bulk_update()` and an upsert make an expression of each value, and hold the locks meanwhile.
    """
    if not clips:
        return
    columns = {name: getattr(Clip, name).field.db_type(connection) for name in sorted(names)}
    values = [{name: getattr(clip, name) for name in ("id", *columns)} for clip in clips]
    statement = _UPDATE.format(
        settings=_listed(SQL("{0} = new.{0}").format(Identifier(name)) for name in columns),
        columns=_listed(
            SQL("{} {}").format(Identifier(name), SQL(kind)) for name, kind in columns.items()
        ),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.as_string(), [orjson.dumps(values).decode()])


def _listed(parts: Iterable[Composable]) -> Composable:
    return SQL(", ").join(parts)


def _decide(clips: Iterable[Clip]) -> None:
    """Publish, withdraw or take back."""
    groups: dict[tuple[str, str | None], list[int]] = {}
    for clip in clips:
        groups.setdefault((clip.state, clip.withdrawn_reason), []).append(clip.pk)
    for (state, reason), pks in groups.items():
        of_group = Clip.objects.filter(pk__in=pks)
        if state == State.PUBLISHED:
            of_group.publish()
        elif state == State.DRAFT:
            of_group.make_draft()
        else:
            of_group.withdraw(reason or "")
