"""Duplicates in the back office: warnings, the filter, and the page that compares two clips."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from library.analyses import duplicates
from library.models import Clip, Duplicate, State
from tests.support.analyses import analysed
from tests.support.editors import editor
from tests.support.recipes import make_clip

pytestmark = pytest.mark.django_db

ADD = "/admin/library/clip/add/"
URL = "https://example.com/a.mp3"


@pytest.fixture
def pair(db: None) -> tuple[Clip, Clip]:
    first = make_clip(title="First", audio_url=URL, audio_file="")
    second = make_clip(title="Second", audio_url=URL, audio_file="")
    duplicates.note_same_urls([second])
    return first, second


def page(clip: Clip) -> str:
    return f"/admin/library/clip/{clip.pk}/duplicates/"


def titles(client: Client, path: str) -> list[str]:
    found = client.get(path).context["cl"].result_list
    return [clip.title for clip in found]


def add(client: Client, **fields: Any) -> str:
    form = {"title": "New", "genre": "g", "duration": "2", "tags": "", "description": ""}
    response = client.post(ADD, {**form, **fields}, follow=True)
    assert response.redirect_chain, response.context["adminform"].form.errors
    return response.content.decode()


def test_saving_warns_of_the_same_url(admin_client: Client) -> None:
    known = make_clip(title="Kn<own", audio_url=URL, audio_file="")
    shown = add(admin_client, audio_source="url", audio_url=URL)
    assert "Already in the library: “Kn&lt;own” (the same URL)." in shown
    new = Clip.objects.latest("pk")
    assert page(new) in shown
    change = f"/admin/library/clip/{known.pk}/change/"
    assert page(known) in admin_client.get(change).content.decode()
    shown = add(admin_client, audio_source="url", audio_url=f"{URL}?other")
    assert "Already in the library" not in shown


def test_clip_that_stays_open_shows_its_duplicates_once(admin_client: Client) -> None:
    make_clip(title="Known", audio_url=URL, audio_file="")
    shown = add(admin_client, audio_source="url", audio_url=URL, _continue="1")
    assert shown.count("Already in the library") == 1


def test_saving_warns_of_the_same_file(admin_client: Client, mp3: bytes) -> None:
    analysed(make_clip(title="Known"), mp3)
    file = SimpleUploadedFile("new.mp3", mp3, "audio/mpeg")
    shown = add(admin_client, audio_source="upload", audio_file=file)
    assert "Already in the library: “Known” (the same file)." in shown
    file = SimpleUploadedFile("new.mp3", mp3[:-1000], "audio/mpeg")
    assert "Already in the library" not in add(admin_client, audio_source="upload", audio_file=file)


def test_filter_finds_clips_with_duplicates(admin_client: Client, pair: tuple[Clip, Clip]) -> None:
    make_clip(title="Alone")
    path = "/admin/library/clip/?duplicates=yes"
    assert sorted(titles(admin_client, path)) == ["First", "Second"]
    Clip.objects.filter(title="First").withdraw("Twice")
    assert titles(admin_client, path) == []
    Clip.objects.filter(title="First").publish()
    Clip.objects.filter(title="First").mark_deleted()
    assert titles(admin_client, path) == []


def test_one_of_two_is_withdrawn_with_a_reason(
    admin_client: Client, pair: tuple[Clip, Clip]
) -> None:
    first, second = pair
    shown = admin_client.get(page(second)).content.decode()
    for clip in pair:
        assert f"/admin/library/clip/{clip.pk}/audio" in shown
        assert shown.count(f'"/admin/library/clip/{clip.pk}/audio"') == 1
    assert "The same URL" in shown
    answer = admin_client.post(page(second), {"withdraw": first.pk, "reason": " "})
    assert "This field is required" in answer.content.decode()
    assert not Clip.objects.filter(state=State.WITHDRAWN).exists()
    answer = admin_client.post(page(second), {"withdraw": first.pk, "reason": "A duplicate"})
    assert answer.status_code == 302
    first.refresh_from_db()
    assert (first.state, first.withdrawn_reason) == (State.WITHDRAWN, "A duplicate")
    (entry,) = LogEntry.objects.all()
    assert (entry.object_id, "A duplicate" in entry.change_message) == (str(first.pk), True)


def test_pair_is_dismissed(admin_client: Client, pair: tuple[Clip, Clip]) -> None:
    first, second = pair
    admin_client.post(page(first), {"dismiss": second.pk})
    assert Duplicate.objects.get().dismissed_at
    assert "no duplicates" in admin_client.get(page(second)).content.decode()
    assert f"clip {second.pk}" in LogEntry.objects.get().change_message


def test_only_a_listed_clip_can_be_changed(admin_client: Client, pair: tuple[Clip, Clip]) -> None:
    other = make_clip(title="Another")
    for action in ("withdraw", "dismiss"):
        for value in (str(other.pk), "x", ""):
            admin_client.post(page(pair[0]), {action: value, "reason": "No"})
    assert not Clip.objects.exclude(state=State.PUBLISHED).exists()
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(("permission", "get", "post"), [("view_clip", 200, 403), (None, 403, 403)])
def test_changes_need_the_permission(
    client: Client, pair: tuple[Clip, Clip], permission: str | None, get: int, post: int
) -> None:
    client.force_login(editor("novice", *([permission] if permission else ["view_playevent"])))
    response = client.get(page(pair[0]))
    assert response.status_code == get
    assert b'name="withdraw"' not in response.content
    body = {"withdraw": pair[0].pk, "reason": "No"}
    assert client.post(page(pair[0]), body).status_code == post
    assert not Clip.objects.filter(state=State.WITHDRAWN).exists()


def test_deleted_clip_has_no_such_page(admin_client: Client, pair: tuple[Clip, Clip]) -> None:
    Clip.objects.filter(pk=pair[0].pk).mark_deleted()
    assert admin_client.get(page(pair[0])).status_code == 404
