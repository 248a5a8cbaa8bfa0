"""The form of a clip: its audio, its duration and its errors."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from library.models import Clip
from tests.support.editors import editor
from tests.support.sounds import (
    FTYP,
    MP2_FRAME,
    MP3_FRAME,
    box,
    flac,
    id3,
    movie,
    mp4,
    track,
    webm,
    webm_track,
    xing,
)

ADD = "/admin/library/clip/add/"
FORM = {"title": "Rain", "genre": "nature", "description": "", "tags": "", "audio_url": ""}
BY_URL = {**FORM, "audio_source": "url", "audio_url": "https://example.com/rain.mp3"}
BY_UPLOAD = {**FORM, "audio_source": "upload"}


def change(clip: Clip) -> str:
    return f"/admin/library/clip/{clip.pk}/change/"


def upload(content: bytes, name: str = "rain.mp3") -> dict[str, Any]:
    return {**BY_UPLOAD, "audio_file": SimpleUploadedFile(name, content)}


def stored(clip: Clip) -> Path:
    return Path(clip.audio_file.path)


def refused(client: Client, form: dict[str, Any]) -> dict[str, list[str]]:
    """Return the errors of a new clip by field, as the page's script receives them."""
    answer = client.post(ADD, form, headers={"accept": "application/json"})
    assert answer.status_code == 422
    errors: dict[str, list[str]] = answer.json()["errors"]
    return errors


@pytest.fixture
def saved(
    admin_client: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> Callable[..., Clip]:
    """Return a function that submits a form, by default for a new clip, and returns the clip."""

    def save(form: dict[str, Any], path: str = ADD) -> Clip:
        with django_capture_on_commit_callbacks(execute=True):
            answer = admin_client.post(path, form)
        assert answer.status_code == 302, answer.context["adminform"].form.errors
        return Clip.objects.latest("updated_at")

    return save


def test_duration_of_an_upload_is_measured(saved: Callable[..., Clip], mp3: bytes) -> None:
    clip = saved(upload(mp3))
    assert clip.duration == pytest.approx(28.5, abs=0.1)
    assert (clip.content_type, clip.size_bytes) == ("audio/mpeg", len(mp3))


def test_duration_that_differs_from_the_file_is_accepted_with_a_warning(
    admin_client: Client, mp3: bytes
) -> None:
    answer = admin_client.post(ADD, {**upload(mp3), "duration": "31"})
    assert Clip.objects.get().duration == 31
    (warning, _) = [str(message) for message in get_messages(answer.wsgi_request)]
    assert warning.startswith("The file is 28.5")


def test_type_behind_a_large_tag_is_saved(saved: Callable[..., Clip]) -> None:
    clip = saved(upload(id3(100_000) + flac(50, total=0)))
    assert clip.content_type == "audio/flac"
    assert clip.duration == pytest.approx(4.644)


def test_truncated_upload_has_the_duration_that_is_there_and_a_warning(
    admin_client: Client,
) -> None:
    answer = admin_client.post(ADD, upload(xing(1000) + MP3_FRAME * 100))
    assert Clip.objects.get().duration == pytest.approx(2.612)
    (warning, _) = [str(message) for message in get_messages(answer.wsgi_request)]
    assert warning.startswith("This file is truncated: its header says 26.1 s")


def test_upload_that_is_too_long_is_refused_with_its_duration(admin_client: Client) -> None:
    long = mp4(track(samples=101, each=40, scale=1))
    (sentence,) = refused(admin_client, upload(long))["duration"]
    assert sentence == ("The file is 4040 seconds long. A clip has at most 3600: shorten the file.")


def test_clip_by_url_needs_a_duration(admin_client: Client) -> None:
    (sentence,) = refused(admin_client, BY_URL)["duration"]
    assert "select “Check source” to measure it" in sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "This file is empty."),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "This is a PNG image, not audio."),
        (b"%PDF-1.7", "This is a PDF document, not audio."),
        (b"#EXTM3U\nhttps://example.com/a.mp3", "This is a playlist, not audio"),
        (b"PK\x03\x04" + bytes(99), "This is an archive. Unpack it first."),
        (mp4(track(b"vide", b"avc1"), brand=b"qt  "), "This file has video. Export its audio"),
        (webm(webm_track(1, b"V_VP8")), "This file has video."),
        (b"\0\0\0\x14ftypqt  " + bytes(20), "This file is incomplete: its index is missing."),
        (mp4(track(codec=b"alac")), "This is ALAC (Apple Lossless) audio, which few browsers play"),
        (MP2_FRAME * 9, "This is MP2 (MPEG layer II) audio, which few browsers play."),
        (b"some words", "This is text, not audio."),
    ],
)
def test_wrong_file_is_refused_with_an_explanation(
    admin_client: Client, content: bytes, sentence: str
) -> None:
    sent = {"head": SimpleUploadedFile("head", content), "size": len(content)}
    before = admin_client.post("/admin/library/clip/check-file/", sent).json()
    (once_sent,) = refused(admin_client, upload(content))["audio_file"]
    assert before["error"].startswith(sentence)
    assert once_sent == before["error"]


def test_video_is_recognised_by_an_index_at_the_end(admin_client: Client) -> None:
    media = box(b"mdat", bytes(80_000))
    video = FTYP + media + movie(track(), track(b"vide", b"avc1"))
    sent = {"head": SimpleUploadedFile("head", video[:65_536]), "size": len(video)}
    before = admin_client.post("/admin/library/clip/check-file/", sent).json()
    assert (before["kind"], before.get("error")) == ("", None)
    (sentence,) = refused(admin_client, upload(video))["audio_file"]
    assert sentence.startswith("This file has video.")


def test_file_above_the_limit_is_refused_with_its_size(
    admin_client: Client, mp3: bytes, settings: Settings
) -> None:
    settings.CLIPS_AUDIO_MAX_BYTES = 400_000
    sent = {"head": SimpleUploadedFile("head", mp3[:8192]), "size": 34_000_001}
    before = admin_client.post("/admin/library/clip/check-file/", sent).json()
    assert before["error"] == "This file is too large: 34.1 MB. The limit is 400 kB."
    (once_sent,) = refused(admin_client, upload(mp3))["audio_file"]
    assert once_sent == "This file is too large: 458 kB. The limit is 400 kB."


def test_start_of_a_file_reveals_its_type_and_tags(admin_client: Client, mp3: bytes) -> None:
    frames = b"TIT2\0\0\0\x09\0\0\x03R\xc3\xa9 alba" + b"TPE1\0\0\0\x05\0\0\x00Anna"
    head = b"ID3\x04\0\0\0\0\0" + bytes([len(frames)]) + frames + mp3[:9000]
    sent = {"head": SimpleUploadedFile("head", head), "size": 1_200_000}
    found = admin_client.post("/admin/library/clip/check-file/", sent).json()
    assert found == {"kind": "MP3", "size": "1.2 MB", "title": "Ré alba", "creator": "Anna"}


def test_source_that_is_not_chosen_is_ignored(saved: Callable[..., Clip], mp3: bytes) -> None:
    clip = saved({**upload(mp3), "audio_url": "ftp://no"})
    assert clip.audio_url == ""
    clip = saved({**BY_URL, "duration": "28"}, change(clip))
    assert (clip.audio_file.name, clip.content_type) == ("", None)


@pytest.mark.parametrize(
    ("form", "errors"),
    [
        ({**BY_URL, "audio_url": ""}, {"audio_url": ["Enter the URL of the audio."]}),
        (BY_UPLOAD, {"audio_file": ["Choose a file."]}),
    ],
)
def test_chosen_source_is_required(
    admin_client: Client, form: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    assert refused(admin_client, {**form, "duration": "28"}) == errors


def test_replaced_upload_is_deleted(saved: Callable[..., Clip], mp3: bytes) -> None:
    first = stored(saved(upload(mp3)))
    second = stored(saved(upload(mp3), change(Clip.objects.get())))
    assert (first.exists(), second.exists()) == (False, True)
    saved({**BY_URL, "duration": "28"}, change(Clip.objects.get()))
    assert not second.exists()


def test_replaced_upload_of_another_clip_is_kept(saved: Callable[..., Clip], mp3: bytes) -> None:
    clip = saved(upload(mp3))
    Clip.objects.create(title="B", genre="b", duration=28, audio_file=clip.audio_file.name)
    saved({**BY_URL, "duration": "28"}, change(clip))
    assert stored(clip).exists()


def test_old_unused_uploads_are_pruned(
    saved: Callable[..., Clip], mp3: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = stored(saved(upload(mp3)))
    orphans = [kept.with_name("orphan.mp3"), kept.with_name("new orphan.mp3")]
    for orphan in orphans:
        orphan.write_bytes(b"")
    for file in (kept, orphans[0]):
        os.utime(file, (0, 0))
    call_command("prune_uploads")
    name = orphans[0].relative_to(settings.MEDIA_ROOT)
    assert capsys.readouterr().out == f"Deleted {name}\n"
    assert [file.exists() for file in (kept, *orphans)] == [True, False, True]


def test_save_without_changes_changes_nothing(saved: Callable[..., Clip]) -> None:
    words = {"description": "One\r\ntwo", "tags": "a, b", "duration": "28"}
    clip = saved({**BY_URL, **words})
    Clip.objects.filter(pk=clip.pk).update(description="One\ntwo")
    assert saved({**BY_URL, **words}, change(clip)).updated_at == clip.updated_at
    assert LogEntry.objects.count() == 1


def test_script_receives_errors_or_the_next_page(admin_client: Client) -> None:
    form = {**BY_URL, "duration": "28"}
    assert refused(admin_client, {**form, "title": ""}) == {"title": ["This field is required."]}
    answer = admin_client.post(ADD, form, headers={"accept": "application/json"})
    assert answer.json() == {"location": "/admin/library/clip/"}


def test_page_requests_the_file_again_after_an_error(admin_client: Client, mp3: bytes) -> None:
    page = admin_client.post(ADD, {**upload(mp3), "title": ""})
    assert "Choose the file again" in page.text


def test_page_says_that_a_clip_is_hidden_from_the_public(
    admin_client: Client, saved: Callable[..., Clip]
) -> None:
    clip = saved({**BY_URL, "duration": "28"})
    this = Clip.objects.filter(pk=clip.pk)
    this.make_draft()
    assert "This clip is a draft" in admin_client.get(change(clip)).text
    this.withdraw("Rights have ended.")
    assert "The public sees the reason: “Rights have ended.”" in admin_client.get(change(clip)).text
    this.mark_deleted()
    assert "This clip was deleted on" in admin_client.get(change(clip)).text


def test_user_without_permission_to_change_only_sees_the_clip(
    client: Client, saved: Callable[..., Clip]
) -> None:
    clip = saved({**BY_URL, "duration": "28"})
    client.force_login(editor("reader", "view_clip"))
    page = client.get(change(clip)).text
    assert "https://example.com/rain.mp3" in page
    assert "clips/save" not in page
    assert client.post(change(clip), BY_URL).status_code == 403
