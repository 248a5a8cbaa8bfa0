"""The visibility of drafts, published and withdrawn clips."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from library.models import Clip, State
from tests.support.editors import bearer, editor

NEW = {
    "title": "Rain",
    "genre": "nature",
    "duration": 5,
    "audio_url": "https://example.com/rain.mp3",
}
PATHS = ["", "/stream"]


def add(client: Client, path: str, body: Any) -> Any:
    answer = client.post(f"/api/v1/clips{path}", body, content_type="application/json")
    assert answer.status_code == HTTPStatus.CREATED
    return answer.json()


@pytest.mark.parametrize("path", PATHS)
def test_draft_is_404(client: Client, make_clip: Callable[..., Clip], path: str) -> None:
    draft = make_clip(state=State.DRAFT)
    answer = client.get(f"/api/v1/clips/{draft.pk}{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_draft_has_no_statistics(client: Client, make_clip: Callable[..., Clip]) -> None:
    draft = make_clip(state=State.DRAFT)
    assert client.get(f"/api/v1/clips/{draft.pk}/stats").status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("path", PATHS)
def test_withdrawn_clip_is_410_with_the_reason(client: Client, clip: Clip, path: str) -> None:
    Clip.objects.withdraw("Its creator asked us to.")
    answer = client.get(f"/api/v1/clips/{clip.pk}{path}")
    assert answer.status_code == HTTPStatus.GONE
    assert answer.json() == {
        "detail": "This clip was withdrawn: Its creator asked us to.",
        "code": "clip_withdrawn",
    }
    assert answer["Cache-Control"] == "no-store"


def test_statistics_of_a_withdrawn_clip_can_be_read(client: Client, clip: Clip) -> None:
    Clip.objects.withdraw("Its licence has ended.")
    assert client.get(f"/api/v1/clips/{clip.pk}/stats").status_code == HTTPStatus.OK


def test_only_published_clips_are_listed_and_counted(
    client: Client, make_clip: Callable[..., Clip]
) -> None:
    shown = make_clip()
    make_clip(state=State.DRAFT)
    make_clip(state=State.WITHDRAWN)
    answer = client.get("/api/v1/clips")
    assert [clip["id"] for clip in answer.json()] == [shown.pk]
    assert answer["X-Total-Count"] == "1"
    assert client.get("/api/v1/stats").json()["clips"] == 1
    assert answer.json()[0]["state"] == "published"


def test_withdrawn_clip_can_be_published_again(client: Client, clip: Clip) -> None:
    Clip.objects.withdraw("By mistake.")
    assert Clip.objects.publish() == 1
    assert client.get(f"/api/v1/clips/{clip.pk}").json()["state"] == "published"
    clip.refresh_from_db()
    assert clip.withdrawn_reason is None


def test_change_of_state_changes_the_version(client: Client, clip: Clip) -> None:
    before = client.get(f"/api/v1/clips/{clip.pk}")["ETag"]
    Clip.objects.withdraw("By mistake.")
    Clip.objects.publish()
    assert client.get(f"/api/v1/clips/{clip.pk}")["ETag"] != before


def test_late_save_does_not_undo_a_withdrawal(clip: Clip) -> None:
    Clip.objects.withdraw("Its creator asked us to.")
    clip.title = "Better Title"
    clip.save()
    assert Clip.objects.get().state == State.WITHDRAWN


def test_clip_added_by_the_api_is_published(client: Client, transactional_db: None) -> None:
    assert add(client, "", NEW)["state"] == "published"


def test_moderated_additions_are_drafts(
    client: Client, transactional_db: None, settings: Settings
) -> None:
    settings.CLIPS_API_MODERATE = True
    added = [add(client, "", NEW), *add(client, "/bulk", [NEW, NEW])]
    assert {clip["state"] for clip in added} == {"draft"}
    assert client.get("/api/v1/clips").json() == []
    Clip.objects.publish()
    assert len(client.get("/api/v1/clips").json()) == 3


def test_api_refuses_a_given_state(
    client: Client, transactional_db: None, settings: Settings
) -> None:
    settings.CLIPS_API_MODERATE = True
    body = {**NEW, "state": "published"}
    answer = client.post("/api/v1/clips", body, content_type="application/json")
    assert (answer.status_code, answer.json()["codes"]) == (400, ["state.read_only"])


def test_editor_can_change_a_draft_by_the_api(
    client: Client, make_clip: Callable[..., Clip]
) -> None:
    draft = make_clip(state=State.DRAFT)
    answer = client.patch(
        f"/api/v1/clips/{draft.pk}",
        {"title": "Better"},
        content_type="application/json",
        headers=bearer(editor()),
    )
    assert (answer.status_code, answer.json()["state"]) == (HTTPStatus.OK, "draft")
