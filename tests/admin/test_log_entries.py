"""One-line descriptions of log entries, as the dashboard shows them."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from library import history
from library.admin.log_entries import describe
from library.models import Clip, State
from tests.support.editors import editor


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"state": State.PUBLISHED}, "Published."),
        ({"state": State.DRAFT}, "Made a draft."),
        ({"state": State.WITHDRAWN}, "Withdrawn."),
        (
            {"state": State.WITHDRAWN, "withdrawn_reason": "Its creator asked us to."},
            "Withdrawn: Its creator asked us to.",
        ),
        ({"deleted_at": None}, "Restored."),
        ({"title": "Rain", "genre": "nature"}, "Changed title and genre."),
        ({"state": State.PUBLISHED, "title": "Rain"}, "Published. Changed title."),
    ],
)
@pytest.mark.django_db
def test_change_is_described_by_what_was_done(changes: dict[str, Any], line: str) -> None:
    clip = Clip(pk=1, title="Wind", genre="wind", state="", deleted_at=timezone.now())
    before = history.values_of(clip)
    for name, value in changes.items():
        setattr(clip, name, value)
    history.note_changes(editor(), [(before, clip)])
    assert describe(LogEntry.objects.get()) == line


@pytest.mark.django_db
def test_additions_and_deletions_are_described() -> None:
    clip, author = Clip(pk=1, title="Wind"), editor()
    history.note_additions(author, [clip])
    history.note_deletions(author, [clip])
    assert [describe(entry) for entry in LogEntry.objects.order_by("id")] == ["Added.", "Deleted."]
