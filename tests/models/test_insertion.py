"""A clip that `add_clip` adds has the values that Django would have stored."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from library.models import Clip
from library.models.fields import CLIP_FIELDS
from library.models.insertion import add_clip

AUDIO = {"etag": '"a"', "loudness": -14.1, "gain": {"-14": None}}
LEAST = {"title": "A", "genre": "b", "duration": 1, "audio_url": "https://example.com/a"}
ALL: dict[str, Any] = LEAST | {
    "title": "Ünïcode “quotes” \\ ' \" %s \U0001f3b5",
    "description": "Two\nlines\t",
    "tags": ["a, b", 'c"d', "{e}", "NULL", ""],
    "duration": 0.1 + 0.2,
    "audio_url": "",
    "audio_file": "uploads/a.mp3",
    "preview_start": 1e-9,
    "creator": None,
    "licence": "CC-BY-4.0",
    "size_bytes": 2**53 + 1,
    "health_since": timezone.now(),
    "state": "draft",
    "audio": AUDIO,
    "renditions": [AUDIO],
}
COMPUTED = {"id", "created_at", "updated_at"}


@pytest.mark.parametrize("values", [LEAST, ALL])
def test_values_are_those_of_create(db: None, values: dict[str, Any]) -> None:
    added = add_clip(values)
    stored, created = Clip.objects.get(pk=added.pk), Clip.objects.create(**values)
    created.refresh_from_db()
    for name in (field.name for field in CLIP_FIELDS if field.name not in COMPUTED):
        assert getattr(stored, name) == getattr(created, name), name
    assert (added.created_at, added.updated_at) == (stored.created_at, stored.updated_at)
    added.title = "Other"
    added.save()  # it is known to exist
    assert Clip.objects.count() == 2


def test_constraints_hold(db: None) -> None:
    with pytest.raises(IntegrityError):
        add_clip(LEAST | {"duration": -1})


def value(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def test_added_clip_is_on_the_disk(transactional_db: None) -> None:
    before = value("SELECT pg_current_wal_insert_lsn()")
    add_clip(LEAST)
    assert value(f"SELECT pg_current_wal_flush_lsn() > '{before}'")
    assert value("SHOW synchronous_commit") == "on"


def test_transaction_around_it_commits_as_usual(transactional_db: None) -> None:
    with transaction.atomic():
        add_clip(LEAST)
        assert value("SHOW synchronous_commit") == "on"
