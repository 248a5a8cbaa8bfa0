"""Changing many clips, a few at a time, with what was changed noted in the history."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from django.db import transaction

from library import history
from library.models import Clip, ClipQuerySet

CHUNK = 1000  # clips in memory at once
# Clips changed in one transaction: a play of one of them waits until it ends.
LOCKED = 200

Alter = Callable[[Clip], object]
Altered = list[tuple[history.Values, Clip]]  # of each clip its values before, and as it becomes
Write = Callable[[ClipQuerySet], int]
Note = Callable[[history.Author, Altered], object]


def change(
    user: history.Author,
    clips: ClipQuerySet,
    fields: Sequence[str],
    alter: Alter,
    write: Write,
    note: Note = history.note_changes,
) -> int:
    """Change the clips, all of them or, where that fails, the first; returns how many were not so.

    `alter` changes the fields of one as `write` will those of all, for the history, which `note`
    writes. Who repeats a change that failed half-way does what is left of it.

    A clip that leaves the selection meanwhile, by somebody else's change, stays as it is.
    """
    changed = 0
    pks = iter(list(clips.order_by("pk").values_list("pk", flat=True)))
    while some := list(islice(pks, LOCKED)):
        with transaction.atomic():
            locked = clips.filter(pk__in=some).order_by("pk").only("title", *fields)
            # NO KEY, because a play's event refers to the row and must not wait; in the order of
            # ids, so that nobody can deadlock with it.
            altered = altered_of(locked.select_for_update(no_key=True), fields, alter)
            note(user, altered)
            changed += write(Clip.objects.filter(pk__in=[clip.pk for _, clip in altered]))
    return changed


def chunks(clips: ClipQuerySet, fields: Sequence[str]) -> Iterator[list[Clip]]:
    """The clips with no more than what is asked for, some at a time."""
    every = clips.order_by("pk").only("title", *fields).iterator(CHUNK)
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
