"""Changing many clips in one transaction, with what was changed noted in the history."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest

from library import history
from library.models import Clip, ClipQuerySet

CHUNK = 1000  # clips in memory at once
MEANWHILE = "Somebody has changed some of these clips just now. Nothing was done: please try again."

Alter = Callable[[Clip], object]
Altered = list[tuple[history.Values, Clip]]  # of each clip its values before, and as it becomes
Write = Callable[[ClipQuerySet], int]
Note = Callable[[history.Author, Altered], object]


class ChangedMeanwhileError(Exception):
    """Somebody else changed some of the clips between reading and writing; nothing was done."""


def change(
    request: HttpRequest,
    clips: ClipQuerySet,
    fields: Sequence[str],
    alter: Alter,
    write: Write,
    note: Note = history.note_changes,
) -> int | None:
    """Change all of the clips, or none; returns how many were not so before.

    `alter` changes the fields of one as `write` will those of all, for the history, which `note`
    writes. None if somebody was quicker, and the editor is told so.
    """
    try:
        with transaction.atomic():
            return _change(request.user, clips, fields, alter, write, note)
    except ChangedMeanwhileError:
        messages.error(request, MEANWHILE)
        return None


def _change(
    user: history.Author,
    clips: ClipQuerySet,
    fields: Sequence[str],
    alter: Alter,
    write: Write,
    note: Note,
) -> int:
    """Read, note, and write at the end: the rows are locked from there on, and a play of a locked
    clip must wait. So others may change what has been read; its `updated_at` tells.
    """
    changed: list[int] = []
    newest = datetime.min.replace(tzinfo=UTC)
    for chunk in chunks(clips, fields):
        altered = altered_of(chunk, fields, alter)
        note(user, altered)
        changed += [clip.pk for _, clip in altered]
        newest = max([newest, *(clip.updated_at for _, clip in altered)])
    written = write(Clip.objects.filter(pk__in=changed, updated_at__lte=newest))
    if written != len(changed):
        raise ChangedMeanwhileError
    return written


def chunks(clips: ClipQuerySet, fields: Sequence[str]) -> Iterator[list[Clip]]:
    """The clips with no more than what is asked for, some at a time."""
    every = clips.order_by("pk").only("title", "updated_at", *fields).iterator(CHUNK)
    while chunk := list(islice(every, CHUNK)):
        yield chunk


def altered_of(clips: Iterable[Clip], fields: Sequence[str], alter: Alter) -> Altered:
    """The clips that it changes, unsaved."""
    found: Altered = []
    for clip in clips:
        before = {name: getattr(clip, name) for name in fields}
        alter(clip)
        if any(getattr(clip, name) != value for name, value in before.items()):
            found.append((before, clip))
    return found
