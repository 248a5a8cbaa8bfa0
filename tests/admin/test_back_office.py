"""Adding, finding, replacing and deleting clips in the back office."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from library.models import Client as Family
from library.models import Clip, Kind, PlayEvent

FORM = {"title": "Rain", "description": "", "genre": "nature", "duration": "28", "audio_url": ""}


@pytest.fixture
def editor(admin_client: Client) -> Client:
    return admin_client


def test_clip_is_added_by_url(editor: Client) -> None:
    form = {**FORM, "audio_url": "https://example.com/rain.mp3"}
    editor.post("/admin/library/clip/add/", form)
    assert Clip.objects.get().audio_url == "https://example.com/rain.mp3"


def test_uploaded_clip_is_heard_without_a_play(
    editor: Client, mp3: bytes, transactional_db: None
) -> None:
    form = {**FORM, "audio_file": SimpleUploadedFile("Rain Ünder.mp3", mp3)}
    editor.post("/admin/library/clip/add/", form)
    clip = Clip.objects.get()
    heard = editor.get(f"/admin/library/clip/{clip.pk}/audio")
    assert b"".join(heard) == mp3
    assert heard["Content-Type"] == "audio/mpeg"
    assert not PlayEvent.objects.exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, "Give either an audio URL or an audio file."),
        ({"audio_url": "http://10.0.0.1/a"}, "The URL must have a public address."),
        ({"audio_url": "ftp://example.com/a"}, "The URL must begin with http:// or https://."),
        ({"audio_url": "https://example.com/a", "title": "  "}, "This field is required."),
        ({"audio_url": "https://example.com/a", "duration": "0"}, "The duration must be above 0."),
        ({"audio_file": SimpleUploadedFile("a.mp3", b"<html>")}, "This is a web page, not audio."),
    ],
)
def test_invalid_clip_is_refused_with_a_reason(
    editor: Client, change: dict[str, Any], sentence: str
) -> None:
    page = editor.post("/admin/library/clip/add/", {**FORM, **change})
    assert page.status_code == HTTPStatus.OK
    assert sentence in page.text
    assert not Clip.objects.exists()


def test_clip_is_found_by_a_word(editor: Client, make_clip: Callable[..., Clip]) -> None:
    make_clip(title="Heavy Rain")
    make_clip(title="Jazz Piano")
    page = editor.get("/admin/library/clip/?q=rain").text
    assert "Heavy Rain" in page
    assert "Jazz Piano" not in page


def test_list_takes_a_constant_number_of_queries(
    editor: Client,
    make_clip: Callable[..., Clip],
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(30):
        make_clip()
    with django_assert_max_num_queries(6):
        editor.get("/admin/library/clip/")


def test_upload_is_replaced_by_a_url(editor: Client, clip: Clip) -> None:
    url = f"/admin/library/clip/{clip.pk}/change/"
    assert "<b>samples/ambient-sounds.mp3</b>" in editor.get(url).text
    form = {**FORM, "audio_file-clear": "on", "audio_url": "https://example.com/a.mp3"}
    editor.post(url, form)
    clip.refresh_from_db()
    assert (clip.audio_url, clip.audio_file.name) == ("https://example.com/a.mp3", "")


def test_plays_are_read_only(editor: Client, clip: Clip) -> None:
    event = PlayEvent.objects.create(clip=clip, kind=Kind.PLAIN, client=Family.OTHER)
    assert editor.get("/admin/library/playevent/").status_code == HTTPStatus.OK
    assert editor.get("/admin/library/playevent/add/").status_code == HTTPStatus.FORBIDDEN
    changed = editor.post(f"/admin/library/playevent/{event.pk}/change/", {"clip": clip.pk})
    assert changed.status_code == HTTPStatus.FORBIDDEN


def test_plays_of_one_clip_are_listed_latest_first(
    editor: Client, make_clip: Callable[..., Clip]
) -> None:
    clips = make_clip(title="Rain"), make_clip(title="Wind")
    for clip in clips:
        PlayEvent.objects.create(clip=clip, kind=Kind.PLAIN, client=Family.OTHER)
    page = editor.get(f"/admin/library/playevent/?clip__id__exact={clips[0].pk}").text
    assert "<strong>1 play</strong>" in page
    assert "Clip: Rain" in page
    shown = editor.get("/admin/library/playevent/?o=2").context["cl"]
    assert [play.clip.title for play in shown.result_list] == ["Wind", "Rain"]
    assert shown.queryset.query.order_by == ("-id",)
    assert "o=2" not in editor.get("/admin/library/playevent/").text


def listed_as_deleted(editor: Client) -> list[int]:
    page = editor.get("/admin/library/clip/?deleted=yes")
    return [clip.pk for clip in page.context["cl"].result_list]


def test_deleted_clip_keeps_its_plays_and_is_listed_separately(editor: Client, clip: Clip) -> None:
    PlayEvent.objects.create(clip=clip)
    url = f"/admin/library/clip/{clip.pk}/delete/"
    assert "Delete “" in editor.get(url).text
    editor.post(url, {"post": "yes"})
    assert PlayEvent.objects.filter(clip=clip).exists()
    assert not Clip.objects.available().exists()
    assert listed_as_deleted(editor) == [clip.pk]
    assert not editor.get("/admin/library/clip/").context["cl"].result_list


def test_clips_are_deleted_and_restored_together(
    editor: Client, make_clip: Callable[..., Clip]
) -> None:
    clips = [make_clip().pk for _ in range(2)]
    form = {"action": "delete_selected", "_selected_action": clips, "post": "yes"}
    editor.post("/admin/library/clip/", form)
    assert sorted(listed_as_deleted(editor)) == clips
    form = {"action": "restore", "_selected_action": clips}
    editor.post("/admin/library/clip/?deleted=yes", form)
    assert Clip.objects.available().count() == 2


def test_audio_of_the_back_office_requires_a_login(client: Client, clip: Clip) -> None:
    assert client.get(f"/admin/library/clip/{clip.pk}/audio").status_code == HTTPStatus.FOUND
