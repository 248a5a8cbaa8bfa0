"""Concurrent edits: editors see each other, and no change is lost."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from library.admin.clips.edit_conflicts import PageState
from library.models import Clip, Presence
from tests.support.database import await_blocked_transaction
from tests.support.editors import bearer, editor

FORM = {
    "title": "Rain",
    "genre": "nature",
    "description": "",
    "tags": "",
    "duration": "28",
    "audio_source": "url",
    "audio_url": "https://example.com/rain.mp3",
}

REFUSAL = (
    "Not saved yet: Anna Berg changed the title and tags of this clip while you had it open. Your "
    "changes are still here. The fields that you did not change show the saved values. Save again "
    "to keep what you see."
)


class Editor:
    """An editor with an open page of the clip."""

    def __init__(self, clip: Clip, user: User) -> None:
        self.user, self._client = user, Client()
        self._client.force_login(user)
        self.page = str(uuid4())
        self.path = f"/admin/library/clip/{clip.pk}/"
        self.form = {**FORM, "loaded": PageState.of(clip).as_json()}

    def save(self, **written: str) -> dict[str, Any]:
        """Submit the form and return the response to the page's script."""
        self.form |= written
        answer = self._client.post(
            f"{self.path}change/", self.form, headers={"accept": "application/json"}
        )
        result: dict[str, Any] = answer.json()
        self.form |= result.get("values", {})
        return result

    def report(self, **extra: str) -> dict[str, Any]:
        """Report that the page is open, as it does regularly, and return the response."""
        loaded = json.loads(self.form["loaded"])
        result = {"page": self.page, "version": loaded["version"], "entry": loaded["entry"]}
        answer = self._client.post(f"{self.path}presence/", {**result, **extra})
        return answer.json() if answer.content else {}


@pytest.fixture
def clip(db: None) -> Clip:
    clip = Clip.objects.create(
        title="Rain", genre="nature", duration=28, audio_url=FORM["audio_url"]
    )
    clip.refresh_from_db()
    return clip


@pytest.fixture
def anna(clip: Clip) -> Editor:
    user = editor("anna")
    user.first_name, user.last_name = "Anna", "Berg"
    user.save()
    return Editor(clip, user)


@pytest.fixture
def ben(clip: Clip) -> Editor:
    return Editor(clip, editor("ben"))


def values(clip: Clip) -> tuple[str, str, list[str]]:
    clip.refresh_from_db()
    return clip.title, clip.genre, clip.tags


def test_unseen_change_is_not_overwritten(anna: Editor, ben: Editor, clip: Clip) -> None:
    anna.save(title="Heavy Rain", tags="storm")
    result = ben.save(title="Light Rain", genre="weather")
    assert result["errors"] == {
        "__all__": [REFUSAL],
        "title": ["Anna Berg changed it to “Heavy Rain”."],
    }
    assert result["values"].keys() == {"tags", "loaded", "audio_source"}
    assert values(clip) == ("Heavy Rain", "nature", ["storm"])


def test_second_save_overwrites(anna: Editor, ben: Editor, clip: Clip) -> None:
    anna.save(title="Heavy Rain", tags="storm")
    ben.save(title="Light Rain", genre="weather")
    assert "location" in ben.save()
    assert values(clip) == ("Light Rain", "weather", ["storm"])


def test_change_committed_during_a_save_is_detected(
    transactional_db: None, ben: Editor, clip: Clip
) -> None:
    def save() -> Any:
        try:
            return ben.save(title="Light Rain")
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool:
        with transaction.atomic():
            Clip.objects.filter(pk=clip.pk).update(title="Heavy Rain", updated_at=timezone.now())
            saving = pool.submit(save)
            await_blocked_transaction()
        assert saving.result(20)["errors"]["title"] == ["Another user changed it to “Heavy Rain”."]


def test_change_by_the_api_is_detected(ben: Editor, clip: Clip, client: Client) -> None:
    client.patch(
        f"/api/v1/clips/{clip.pk}",
        {"genre": "field recording"},
        content_type="application/json",
        headers=bearer(editor("importer")),
    )
    (sentence,) = ben.save(title="Light Rain")["errors"]["__all__"]
    assert "importer changed the genre of this clip" in sentence


def test_change_without_a_user_is_attributed_to_somebody(ben: Editor, clip: Clip) -> None:
    Clip.objects.filter(pk=clip.pk).withdraw("Rights have ended.")
    (sentence,) = ben.save(title="Light Rain")["errors"]["__all__"]
    assert "Another user changed the state and withdrawn reason of this clip" in sentence


def test_page_without_script_shows_the_saved_values(anna: Editor, ben: Editor, clip: Clip) -> None:
    client = Client()
    client.force_login(ben.user)
    loaded = client.get(f"{ben.path}change/").context["adminform"].form["loaded"].value()
    anna.save(tags="storm")
    page = client.post(f"{ben.path}change/", {**FORM, "loaded": loaded, "title": "Light Rain"})
    assert "Not saved yet: Anna Berg changed the tags" in page.text
    form = page.context["adminform"].form
    assert (form["title"].value(), form["tags"].value()) == ("Light Rain", "storm")


def test_plays_and_empty_saves_are_no_conflict(anna: Editor, ben: Editor, clip: Clip) -> None:
    Clip.objects.filter(pk=clip.pk).update(play_count=1, last_played_at=timezone.now())
    assert "location" in anna.save()
    assert "location" in ben.save(title="Light Rain")


def test_invalid_page_state_is_refused(ben: Editor) -> None:
    assert ben.save(loaded="{}")["errors"]["__all__"] == [
        "This page is out of date. Reload the clip."
    ]


def test_editors_see_each_other_until_they_leave(anna: Editor, ben: Editor) -> None:
    assert anna.report() == {"others": [], "changed": ""}
    (other,) = ben.report()["others"]
    assert (other["name"], other["you"]) == ("Anna Berg", False)
    anna.report(leave="1")
    assert ben.report()["others"] == []


def test_page_that_stops_reporting_counts_as_closed(anna: Editor, ben: Editor) -> None:
    anna.report()
    Presence.objects.update(seen_at=timezone.now() - timedelta(seconds=80))
    assert ben.report()["others"] == []
    assert [presence.user for presence in Presence.objects.all()] == [ben.user]


def test_open_page_does_not_extend_the_session(ben: Editor) -> None:
    ends = timezone.now() + timedelta(hours=1)
    Session.objects.update(expire_date=ends)
    ben.report()
    assert Session.objects.get().expire_date == ends


def test_second_tab_of_the_same_editor_is_marked(ben: Editor, clip: Clip) -> None:
    ben.report()
    (other,) = Editor(clip, ben.user).report()["others"]
    assert other["you"] is True


def test_open_page_is_notified_of_a_change(anna: Editor, ben: Editor) -> None:
    anna.save(title="Heavy Rain")
    assert ben.report()["changed"] == (
        "Anna Berg changed the title of this clip while you had it open."
    )


@pytest.mark.parametrize("sent", [{}, {"page": "x", "entry": "1"}, {"page": str(uuid4())}])
def test_presence_without_a_page_is_refused(
    admin_client: Client, clip: Clip, sent: dict[str, str]
) -> None:
    assert admin_client.post(f"/admin/library/clip/{clip.pk}/presence/", sent).status_code == 400


def test_presence_needs_permission_to_change_clips(client: Client, clip: Clip) -> None:
    client.force_login(editor("reader", "view_clip"))
    sent = {"page": str(uuid4()), "entry": "0"}
    answer = client.post(f"/admin/library/clip/{clip.pk}/presence/", sent)
    assert answer.status_code == 403


def test_history_lists_changes_newest_first(
    anna: Editor,
    clip: Clip,
    client: Client,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    anna.save(title="Heavy Rain")
    client.patch(
        f"/api/v1/clips/{clip.pk}",
        {"genre": "weather"},
        content_type="application/json",
        headers=bearer(editor("importer")),
    )
    with django_assert_max_num_queries(12):  # two of them for reports
        admin_client.get(f"/admin/library/clip/{clip.pk}/change/")
    with django_assert_max_num_queries(8):
        page = admin_client.get(f"/admin/library/clip/{clip.pk}/history/")
    changes = [(change["author"], change["fields"]) for change in page.context["changes"]]
    assert changes == [
        ("importer", [("genre", "nature", "weather")]),
        ("Anna Berg", [("title", "Rain", "Heavy Rain")]),
    ]
    assert "Added without a log-in" in page.text
