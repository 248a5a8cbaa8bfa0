"""Change many clips, a few per transaction, and log each change in the clip's history."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from django.db import transaction

from library import history
from library.models import Clip, ClipQuerySet

LOCKED = 200  # clips changed in one transaction: a play of one of them waits until it ends

SetFields = Callable[[Clip], object]
Update = Callable[[ClipQuerySet], int]
Changed = list[tuple[history.Values, Clip]]  # clips with their values before the change
Note = Callable[[history.Author, Changed], object]


def change_clips(
    user: history.Author,
    clips: ClipQuerySet,
    fields: Sequence[str],
    set_fields: SetFields,
    update: Update,
    note: Note = history.note_changes,
) -> int:
    """Change the clips, LOCKED at a time; return how many changed.

    `set_fields` sets the fields of one clip in memory and `update` sets the same in the database;
    `note` writes the difference to the history. If a transaction fails, the ones before it stay
    committed, and repeating the action changes the remaining clips. A clip that another user has
    changed so that it is no longer in the queryset is left as it is.
    """
    changed_count = 0
    pks = iter(list(clips.order_by("pk").values_list("pk", flat=True)))
    while batch := list(islice(pks, LOCKED)):
        with transaction.atomic():
            locked = clips.filter(pk__in=batch).order_by("pk").only("title", *fields)
            # NO KEY, because the event of a play refers to the row and must not wait; ordered by
            # id, so that two changes cannot deadlock.
            locked = locked.select_for_update(no_key=True)
            changed = list(set_in_memory(locked, fields, set_fields))
            note(user, changed)
            changed_count += update(Clip.objects.filter(pk__in=[clip.pk for _, clip in changed]))
    return changed_count


def set_in_memory(
    clips: Iterable[Clip], fields: Sequence[str], set_fields: SetFields
) -> Iterator[tuple[history.Values, Clip]]:
    """Set the fields of the clips without saving; yield the clips that differ afterwards."""
    for clip in clips:
        before = {name: getattr(clip, name) for name in fields}
        set_fields(clip)
        if any(getattr(clip, name) != value for name, value in before.items()):
            yield before, clip
