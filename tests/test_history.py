"""The history of changes that the back office, imports and the API write."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from library import history
from library.models import Clip
from tests.support.editors import bearer, editor
from tests.support.history import history_entries

NEW = {"title": "Rain", "genre": "nature", "duration": 5, "audio_url": "https://example.com/a.mp3"}


def test_change_in_the_back_office_is_logged_with_its_values(
    admin_client: Client, make_clip: Callable[..., Clip]
) -> None:
    clip = make_clip(audio_file="", audio_url="https://example.com/a.mp3", tags=["rain"])
    form = {"title": "Better", "description": "", "genre": "ambient", "duration": "28.5"}
    form |= {"audio_url": "https://example.com/a.mp3", "tags": "rain, night"}
    admin_client.post(f"/admin/library/clip/{clip.pk}/change/", form)
    values = [("title", "Ambient Sounds", "Better"), ("tags", "rain", "rain, night")]
    assert history_entries() == [("admin", "Changed “Better” — Changed title and tags.", values)]


def test_writes_through_the_api_are_logged(client: Client, transactional_db: None) -> None:
    headers: Any = bearer(editor("machine"))
    as_json: Any = {"content_type": "application/json", "headers": headers}
    clip = client.post("/api/v1/clips", NEW, **as_json).json()["id"]
    client.patch(f"/api/v1/clips/{clip}", {"genre": "field recording"}, **as_json)
    client.delete(f"/api/v1/clips/{clip}", headers=headers)
    assert history_entries() == [
        ("machine", "Added “Rain”.", []),
        ("machine", "Changed “Rain” — Changed genre.", [("genre", "nature", "field recording")]),
        ("machine", "Deleted “Rain.”", []),
    ]


def test_anonymous_writes_are_not_logged(client: Client, transactional_db: None) -> None:
    client.post("/api/v1/clips", NEW, content_type="application/json")
    assert Clip.objects.exists()
    assert history_entries() == []


def test_save_without_a_change_is_not_logged(client: Client, clip: Clip) -> None:
    clip.refresh_from_db()
    assert history.note_changes(editor(), [(history.values_of(clip), clip)]) == 0
    assert history_entries() == []


def test_long_values_are_truncated(clip: Clip) -> None:
    before = history.values_of(clip)
    clip.description = "x" * 5000
    history.note_changes(editor(), [(before, clip)])
    ((_, _, new),) = history.changed_values(LogEntry.objects.get())
    assert new == "x" * 199 + "…"


@pytest.mark.parametrize("message", ["", "Changed by hand.", "{}", '[{"added": {}}]'])
def test_entry_without_values_has_no_changed_values(message: str) -> None:
    assert history.changed_values(LogEntry(change_message=message)) == []
