"""“Check source”: describes the audio at a URL before the clip is saved."""

from django.test import Client

from harness.origin import Origin, answer
from library.models import PlayEvent
from tests.support.editors import editor
from tests.support.sounds import MP2_FRAME, MP3_FRAME, mp4, track, xing

CHECK = "/admin/library/clip/check-source/"


def test_audio_is_described_and_can_be_heard(
    transactional_db: None, admin_client: Client, origin: Origin, mp3: bytes
) -> None:
    target = origin.on("/a.mp3", answer(mp3))
    url = origin.on("/old", answer(status="302 Found", headers={"Location": "/a.mp3"}))
    found = admin_client.post(CHECK, {"url": url}).json()
    listen = found.pop("listen")
    assert found == {
        "kind": "MP3",
        "size": "458 kB",
        "duration": 28.5,
        "warning": "",
        "redirect": target,
    }
    heard = admin_client.get(listen)
    assert b"".join(heard) == mp3
    assert not PlayEvent.objects.exists()


def test_problem_with_a_url_is_described(
    transactional_db: None, admin_client: Client, origin: Origin
) -> None:
    sentences = {
        "": "The URL must begin with http:// or https://.",
        "http://10.0.0.1/a.mp3": "The URL must have a public address.",
        origin.on("/page", answer(b"<html>")): "This is a web page, not audio.",
        origin.on("/mp2", answer(MP2_FRAME * 9)): "This is MP2 (MPEG layer II) audio, which few"
        " browsers play. Convert it to MP3, AAC or Opus.",
        origin.on("/video", answer(mp4(track(b"vide", b"avc1")))): "This file has video. Export its"
        " audio track, for example as MP3 or M4A.",
        origin.url("/gone"): "The origin responded with status 404.",
        "http://127.0.0.1:1/": "The origin could not be reached.",
    }
    errors = {url: admin_client.post(CHECK, {"url": url}).json()["error"] for url in sentences}
    assert errors == sentences


def test_truncated_audio_is_described(
    transactional_db: None, admin_client: Client, origin: Origin
) -> None:
    url = origin.on("/a.mp3", answer(xing(1000) + MP3_FRAME * 100))
    found = admin_client.post(CHECK, {"url": url}).json()
    assert (found["duration"], found["warning"]) == (
        2.612,
        "This file is truncated: its header says 26.1 s, but it has only 2.6 s.",
    )


def test_only_editors_check_and_only_by_post(client: Client, db: None) -> None:
    client.force_login(editor("reader", "view_clip"))
    assert client.post(CHECK, {"url": "http://10.0.0.1"}).status_code == 403
    client.force_login(editor("adder", "add_clip"))
    assert client.get(CHECK).status_code == 405
    assert "error" in client.post(CHECK, {"url": "http://10.0.0.1"}).json()


def test_check_requires_the_csrf_token(db: None) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(editor())
    assert client.post(CHECK, {"url": "http://10.0.0.1"}).status_code == 403


def test_checked_url_plays_only_for_the_editor_who_checked_it(
    transactional_db: None, client: Client, admin_client: Client, origin: Origin, mp3: bytes
) -> None:
    listen = admin_client.post(CHECK, {"url": origin.on("/a", answer(mp3))}).json()["listen"]
    client.force_login(editor("other"))
    for source in (listen, "/admin/library/clip/listen/?source=http://127.0.0.1/", listen + "x"):
        assert client.get(source).status_code == 403
    assert origin.request_counts == {"/a": 1}
