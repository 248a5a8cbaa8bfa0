"""Who changed which clip, when, and from what to what: kept in the log of Django's admin.

What the back office, an import and the API change is noted here alike, so that one page tells all.
An entry's message is Django's own, with the values beside the names of the fields.
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

# What people write of a clip, and decide of it. The rest is found out, or counted.
FIELDS = (
    "title",
    "description",
    "genre",
    "tags",
    "duration",
    "audio_url",
    "audio_file",
    "creator",
    "creator_url",
    "licence",
    "state",
    "withdrawn_reason",
    "deleted_at",
)
LONGEST = 200  # characters kept of a value

Values = Mapping[str, Any]
# Of a request; what nobody has signed for is nobody's change, and is not noted.
Author = AbstractBaseUser | AnonymousUser | None


def values_of(clip: Clip) -> dict[str, Any]:
    """The fields as they are, to be compared after a change."""
    return {name: getattr(clip, name) for name in FIELDS}


def differences(
    before: Values, after: Values, fields: Sequence[str] = FIELDS
) -> dict[str, tuple[str, str]]:
    """The fields of both that differ, each with what it was and what it became, as text."""
    values = {
        name: (_text(before[name]), _text(after[name]))
        for name in fields
        if name in before and name in after
    }
    return {name: (_short(old), _short(new)) for name, (old, new) in values.items() if old != new}


def change_message(
    before: Values, after: Values, model: type[Model] = Clip, fields: Sequence[str] = FIELDS
) -> list[dict[str, Any]]:
    """The message of an entry: which fields of both differ, and how; empty if none does."""
    values = differences(before, after, fields)
    if not values:
        return []
    return [{"changed": {"fields": [label(name, model) for name in values], "values": values}}]


def note_additions(user: Author, clips: Iterable[Clip]) -> None:
    """Note that the user added clips."""
    _note(user, ADDITION, [(clip, [{"added": {}}]) for clip in clips])


def note_changes(user: Author, changed: Iterable[tuple[Values, Clip]]) -> int:
    """Note what the user changed: of each clip its values before, and as it is now.

    Of `values_of` may be left out what surely did not change. Clips in which nothing differs are
    passed over; returns how many were not.
    """
    messages = (
        (clip, change_message(before, {name: getattr(clip, name) for name in before}))
        for before, clip in changed
    )
    entries = [(clip, message) for clip, message in messages if message]
    _note(user, CHANGE, entries)
    return len(entries)


def note_deletions(user: Author, clips: Iterable[Clip]) -> None:
    """Note that the user deleted clips."""
    _note(user, DELETION, [(clip, []) for clip in clips])


def entries_of(clip: Clip) -> QuerySet[LogEntry]:
    """What was noted of a clip, newest first; by an index that a migration of ours makes."""
    kind = ContentType.objects.get_for_model(Clip)
    entries = LogEntry.objects.filter(content_type=kind, object_id=str(clip.pk))
    return entries.select_related("user").order_by("-id")


def author(entry: LogEntry) -> str:
    """Who an entry is of, by the name that people know."""
    return entry.user.get_full_name() or entry.user.get_username()


def note(user: Author, thing: Model, what: str) -> None:
    """Note what the user did to something that is no clip, in a sentence."""
    if user is not None and user.pk is not None:
        LogEntry.objects.log_actions(user.pk, [thing], CHANGE, what)


def changed_values(entry: LogEntry) -> list[tuple[str, str, str]]:
    """Of each field that an entry tells the values of: its name, what it was, what it became."""
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
    """Write all entries with one statement for many: an import is long."""
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
    """The field's name for people."""
    try:
        return str(label_for_field(field, model))
    except AttributeError:  # the model had this field when the entry was written
        return field


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _short(value: str) -> str:
    return value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"
