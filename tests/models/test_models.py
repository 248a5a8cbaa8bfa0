"""Constraints of the database, and `Clip.save()`."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import ProtectedError

from library.models import Client, Clip, Kind, PlayEvent


@pytest.mark.parametrize(
    "fields",
    [
        {"title": ""},
        {"title": " \t\n"},
        {"genre": " "},
        {"duration": 0},
        {"duration": -1},
        {"duration": 3600.5},
        {"duration": float("nan")},
        {"duration": float("inf")},
        {"audio_url": ""},
        {"audio_url": "https://example.com/a", "audio_file": "samples/rain-sounds.mp3"},
        {"play_count": -1},
    ],
)
def test_database_refuses_invalid_clips(
    make_clip: Callable[..., Clip], fields: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError):
        make_clip(**fields)


def test_clip_with_plays_cannot_be_removed(clip: Clip) -> None:
    PlayEvent.objects.create(clip=clip, kind=Kind.PLAIN, client=Client.OTHER)
    with pytest.raises(ProtectedError):
        clip.delete()


def test_save_does_not_undo_a_concurrent_deletion(clip: Clip) -> None:
    Clip.objects.mark_deleted()
    clip.save()
    assert not Clip.objects.available().exists()


def test_save_changes_its_fields_and_updated_at(clip: Clip) -> None:
    before = Clip.objects.get()
    clip.title = "Another"
    clip.save(update_fields=["title"])
    after = Clip.objects.get()
    assert after.updated_at > before.updated_at
    assert (after.created_at, after.title) == (before.created_at, "Another")
