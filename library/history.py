"""The history of clips: who changed which field when, and its values before and after.

Changes by the back office, by imports and by the API are all stored in the log of Django's admin.
The messages are Django's, with the values added to the names of the fields.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.admin.utils import label_for_field
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet

from library.models import Clip
from library.models.fields import DECISIONS, EDITORS, written_by

FIELDS = written_by(EDITORS, DECISIONS)
MAX_VALUE_LENGTH = 200  # characters stored of a value

Values = Mapping[str, Any]
# The user of a request. Changes by anonymous clients are not logged.
Author = AbstractBaseUser | AnonymousUser | None


def values_of(clip: Clip) -> dict[str, Any]:
    """Return the values of the fields, to compare them after a change."""
    return {name: getattr(clip, name) for name in FIELDS}


def differences(
    before: Values, after: Values, fields: Sequence[str] = FIELDS
) -> dict[str, tuple[str, str]]:
    """Return the old and the new value, as text, of each field that differs."""
    values = {
        name: (_text(before[name]), _text(after[name]))
        for name in fields
        if name in before and name in after
    }
    return {name: (_short(old), _short(new)) for name, (old, new) in values.items() if old != new}


def change_message(
    before: Values, after: Values, model: type[Model] = Clip, fields: Sequence[str] = FIELDS
) -> list[dict[str, Any]]:
    """Return the message of a log entry, with the fields that differ; empty if none does."""
    values = differences(before, after, fields)
    if not values:
        return []
    return [{"changed": {"fields": [label(name, model) for name in values], "values": values}}]


def note_additions(user: Author, clips: Iterable[Clip]) -> None:
    """Log that the user added clips."""
    _note(user, ADDITION, [(clip, [{"added": {}}]) for clip in clips])


def note_changes(user: Author, changed: Iterable[tuple[Values, Clip]]) -> int:
    """Log the user's changes, given each clip and its values before. Return how many differ.

    The values may be fewer than those of `values_of` if the others cannot have changed.
    """
    messages = (
        (clip, change_message(before, {name: getattr(clip, name) for name in before}))
        for before, clip in changed
    )
    entries = [(clip, message) for clip, message in messages if message]
    _note(user, CHANGE, entries)
    return len(entries)


def note_deletions(user: Author, clips: Iterable[Clip]) -> None:
    """Log that the user deleted clips."""
    _note(user, DELETION, [(clip, []) for clip in clips])


def entries_of(clip: Clip) -> QuerySet[LogEntry]:
    """Return the log entries of a clip, newest first. Migration 0006 adds an index for them."""
    kind = ContentType.objects.get_for_model(Clip)
    entries = LogEntry.objects.filter(content_type=kind, object_id=str(clip.pk))
    return entries.select_related("user").order_by("-id")


def author(entry: LogEntry) -> str:
    """Return the name of the user who made a change: the full name if there is one."""
    return entry.user.get_full_name() or entry.user.get_username()


def note(user: Author, thing: Model, what: str | list[dict[str, Any]], flag: int = CHANGE) -> None:
    """Log a change of something other than a clip, described by a sentence."""
    if user is not None and user.pk is not None:
        LogEntry.objects.log_actions(user.pk, [thing], flag, what)


def note_values(user: Author, thing: Model, before: Values) -> None:
    """Log a change of something other than a clip, given the previous values that differ."""
    after = {name: getattr(thing, name) for name in before}
    note(user, thing, change_message(before, after, type(thing), tuple(before)))


def changed_values(entry: LogEntry) -> list[tuple[str, str, str]]:
    """Return the label, the old and the new value of each field that an entry records."""
    try:
        parts = json.loads(entry.change_message)
    except ValueError:
        return []
    if not isinstance(parts, list):
        return []
    kind = entry.content_type_id and ContentType.objects.get_for_id(entry.content_type_id)
    model = (kind and kind.model_class()) or Clip
    return [
        (label(name, model), old, new)
        for part in parts
        for name, (old, new) in part.get("changed", {}).get("values", {}).items()
    ]


def _note(user: Author, flag: int, entries: list[tuple[Clip, list[dict[str, Any]]]]) -> None:
    """Write the entries in batches, since an import may have thousands."""
    if user is None or user.pk is None:
        return
    kind = ContentType.objects.get_for_model(Clip)
    LogEntry.objects.bulk_create(
        [
            LogEntry(
                user_id=user.pk,
                content_type=kind,
                object_id=str(clip.pk),
                object_repr=str(clip)[:200],
                action_flag=flag,
                change_message=json.dumps(message) if message else "",
            )
            for clip, message in entries
        ],
        batch_size=1000,
    )


@cache
def label(field: str, model: type[Model] = Clip) -> str:
    """Return the field's verbose name."""
    try:
        return str(label_for_field(field, model))
    except AttributeError:  # the model had this field when the entry was written
        return field


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _short(value: str) -> str:
    return value if len(value) <= MAX_VALUE_LENGTH else value[: MAX_VALUE_LENGTH - 1] + "…"
