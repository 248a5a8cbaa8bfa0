"""Rows of the list that are kept as JSON equal rows that are rendered."""

import random
from typing import Any

import pytest
from django.test import Client, RequestFactory
from rest_framework.request import Request

from library.api import kept_rows
from library.api.json_bodies import JSONRenderer
from library.api.representation import FIELDS, columns, select_list, shown
from library.models import Clip
from library.models.rows import Row, read
from tests.support.recipes import linked_clip, make_clip

pytestmark = pytest.mark.django_db
FORGED = f'"play_count":{-(2**53)}'
CHOICES = (FIELDS, ("title", "play_count"), ("id", "title"), ("play_count",), ("tags", "health"))


@pytest.fixture(autouse=True)
def _empty() -> None:
    kept_rows._kept.clear()
    kept_rows._size = 0


def rows_of(fields: tuple[str, ...]) -> list[Row]:
    return read(f"SELECT {select_list(columns(fields))} FROM library_clip ORDER BY id")


@pytest.mark.parametrize("fields", CHOICES)
def test_kept_rows_equal_rendered_rows_after_any_change(fields: tuple[str, ...]) -> None:
    dice = random.Random(3)
    linked_clip.make(title=FORGED, description=FORGED, tags=["a", FORGED[:30]], creator='"')
    make_clip(title="Ж")
    linked_clip.make(_quantity=4)
    hosts = ("localhost", "127.0.0.1")
    requests = [Request(RequestFactory().get("/", HTTP_HOST=host)) for host in hosts]
    changes: tuple[dict[str, Any], ...] = (
        {"play_count": 3},
        {"play_count": 2**62},
        {"title": "Other"},
        {"tags": ["x"]},
        {"duration": 7.25},
        {"health": "failing", "health_reason": "origin_timeout"},
        {"creator": None},
    )
    for _ in range(60):
        some = dice.sample(list(Clip.objects.values_list("pk", flat=True)), 2)
        Clip.objects.filter(pk__in=some).update(**dice.choice(changes))
        request, rows = dice.choice(requests), rows_of(fields)
        kept = JSONRenderer().render([*kept_rows.fragments(rows, request, fields)])
        assert kept == JSONRenderer().render(shown(rows, request, fields))


def test_number_of_kept_rows_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_rows, "MOST", 5)
    linked_clip.make(_quantity=12)
    request = Request(RequestFactory().get("/", HTTP_HOST="localhost"))
    rows = rows_of(FIELDS)
    kept = JSONRenderer().render([*kept_rows.fragments(rows, request, FIELDS)])
    assert kept == JSONRenderer().render(shown(rows, request, FIELDS))
    assert len(kept_rows._kept) <= 5


def test_size_of_kept_rows_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_rows, "MAX_BYTES", 50_000)
    linked_clip.make(_quantity=12, description="x" * 5000)
    request = Request(RequestFactory().get("/", HTTP_HOST="localhost"))
    rows = rows_of(FIELDS)
    kept = JSONRenderer().render([*kept_rows.fragments(rows, request, FIELDS)])
    assert kept == JSONRenderer().render(shown(rows, request, FIELDS))
    assert sum(len(head) + len(tail) for _, head, tail in kept_rows._kept.values()) < 50_000


def test_list_by_plays_shows_the_present_numbers(client: Client) -> None:
    clips = linked_clip.make(_quantity=3)
    for number in (1, 2):
        for place, clip in enumerate(clips):
            Clip.objects.filter(pk=clip.pk).update(play_count=place * number)
        shown_ = client.get("/api/v1/clips?ordering=-play_count&fields=play_count").json()
        assert [clip["play_count"] for clip in shown_] == [2 * number, number, 0]
