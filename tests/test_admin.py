"""The back office, as an editor uses it."""

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


def test_clip_is_added_by_upload_and_heard_without_a_play(
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
        ({"audio_url": "http://10.0.0.1/a"}, "Only public addresses may be used."),
        ({"audio_url": "ftp://example.com/a"}, "Only http:// and https:// URLs can be used."),
        ({"audio_url": "https://example.com/a", "title": "  "}, "This field is required."),
        ({"audio_url": "https://example.com/a", "duration": "0"}, "greater than or equal to"),
        ({"audio_file": SimpleUploadedFile("a.mp3", b"<html>")}, "This file is not audio"),
    ],
)
def test_wrong_clip_is_refused_with_a_sentence(
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


def test_list_costs_a_constant_number_of_queries(
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


def test_plays_are_read_and_not_edited(editor: Client, clip: Clip) -> None:
    event = PlayEvent.objects.create(clip=clip, kind=Kind.PLAIN, client=Family.OTHER)
    assert editor.get("/admin/library/playevent/").status_code == HTTPStatus.OK
    assert editor.get("/admin/library/playevent/add/").status_code == HTTPStatus.FORBIDDEN
    changed = editor.post(f"/admin/library/playevent/{event.pk}/change/", {"clip": clip.pk})
    assert changed.status_code == HTTPStatus.FORBIDDEN


def test_clip_that_was_played_cannot_be_deleted(editor: Client, clip: Clip) -> None:
    url = f"/admin/library/clip/{clip.pk}/delete/"
    Clip.objects.update(play_count=1)
    assert editor.post(url, {"post": "yes"}).status_code == HTTPStatus.FORBIDDEN
    Clip.objects.update(play_count=0)
    editor.post(url, {"post": "yes"})
    assert not Clip.objects.exists()


def test_audio_of_the_back_office_is_for_editors(client: Client, clip: Clip) -> None:
    assert client.get(f"/admin/library/clip/{clip.pk}/audio").status_code == HTTPStatus.FOUND
