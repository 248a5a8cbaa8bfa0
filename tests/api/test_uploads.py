"""Uploads through the API: clips with their audio, and other audio for clips."""

import io
import json
import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import requests
from django.conf import settings
from django.db import IntegrityError, connection
from django.test import Client
from mutagen import id3 as frames
from mutagen.id3 import ID3

from library import history
from library.api.etags import version
from library.audio.containers.results import Measurement
from library.models import Clip, Duplicate, IdempotentAnswer
from tests.support.analyses import analysed
from tests.support.editors import bearer, editor
from tests.support.field_errors import faulty
from tests.support.history import history_entries
from tests.support.sounds import MP3_FRAME, flac, mp4, track, wav

Http = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]
CLIPS = "/api/v1/clips"
METADATA = {"title": "New", "genre": "jazz"}
MP3 = MP3_FRAME * 100
SECONDS = 2.612
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
def token(transactional_db: None) -> dict[str, str]:
    return bearer(editor())


@pytest.fixture
def send(http: Http, token: dict[str, str]) -> Callable[..., requests.Response]:
    """Send a form: `send(audio, title="New")`."""

    def send(audio: bytes | None = MP3, /, *, headers: Any = None, **fields: Any) -> Any:
        files: Any = {"metadata": (None, json.dumps(METADATA | fields), "application/json")}
        if audio is not None:
            files["audio"] = ("song.mp3", audio, "audio/mpeg")
        return http("POST", CLIPS, files=files, headers=token | (headers or {}))

    return send


@pytest.fixture
def put(http: Http, token: dict[str, str]) -> Callable[..., requests.Response]:
    def put(clip: Clip, audio: Any = MP3, /, **headers: str) -> requests.Response:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return http("PUT", f"{CLIPS}/{clip.pk}/audio", data=audio, headers=token | fields)

    return put


def stored_files() -> set[str]:
    root = Path(settings.MEDIA_ROOT)
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def new_files(transactional_db: None) -> Callable[[], set[str]]:
    """Return the files that were stored since the test began."""
    before = stored_files()
    return lambda: stored_files() - before


def digest(body: bytes) -> str:
    return f"sha-256=:{b64encode(sha256(body).digest()).decode()}:"


# A clip with its audio


def test_upload_adds_a_clip(send: Any, http: Http) -> None:
    response = send(description="Long", tags=["a"], headers={"Content-Digest": "md5=:AA==:"})
    assert response.status_code == 201
    shown = response.json()
    clip = Clip.objects.get(pk=shown["id"])
    assert (clip.title, clip.duration, clip.audio_url) == ("New", SECONDS, "")
    assert (clip.content_type, clip.size_bytes) == ("audio/mpeg", len(MP3))
    assert re.fullmatch(r"uploads/.*song.*\.mp3", str(clip.audio_file.name))
    assert (shown["duplicates"], shown["proposals"], shown["warnings"]) == ([], {}, [])
    assert response.headers["Location"] == f"{CLIPS}/{clip.pk}"
    assert response.headers["ETag"].startswith('"' + version(clip.pk, clip.updated_at))
    assert http("GET", f"{CLIPS}/{clip.pk}/stream").content == MP3
    assert history_entries() == [("editor", "Added “New”.", [])]


@pytest.mark.parametrize("kind", ["flac", "wav", "m4a"])
def test_bytes_decide_the_type(send: Any, kind: str) -> None:
    content = {"flac": flac(50), "wav": wav(bytes(8000)), "m4a": mp4(track())}[kind]
    shown = send(content).json()
    assert shown["content_type"] == f"audio/{'mp4' if kind == 'm4a' else kind}"


def test_measured_duration_counts(send: Any) -> None:
    right, wrong = send(duration=2.6).json(), send(duration=30).json()
    assert right["duration"] == wrong["duration"] == SECONDS
    assert right["warnings"] == []
    assert wrong["warnings"] == [
        "The file is 2.612 seconds long, which counts instead of the given 30."
    ]


def test_truncated_file_is_accepted_with_a_warning(send: Any) -> None:
    shown = send(wav(bytes(800), declared=8000)).json()
    assert "truncated" in shown["warnings"][0]


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "音楽" * 100 + ".mp3", "a\0b", "..", "/"])
def test_any_file_name_is_accepted(http: Http, token: dict[str, str], name: str) -> None:
    files: Any = {"metadata": (None, json.dumps(METADATA)), "audio": (name or None, MP3)}
    response = http("POST", CLIPS, files=files, headers=token)
    assert response.status_code == 201, response.text
    path = Path(settings.MEDIA_ROOT) / str(Clip.objects.get().audio_file)
    assert path.read_bytes() == MP3
    assert path.resolve().is_relative_to(Path(settings.MEDIA_ROOT).resolve() / "uploads")


def test_metadata_may_be_a_file(http: Http, token: dict[str, str]) -> None:
    """Browsers give a Blob of JSON a file name."""
    files = {"audio": ("blob", MP3), "metadata": ("blob", json.dumps(METADATA))}
    assert http("POST", CLIPS, files=files, headers=token).status_code == 201


REFUSED = {
    "This is a PNG image, not audio.": PNG,
    "This is a web page, not audio.": b"<!DOCTYPE html><html>",
    "This is AIFF audio": b"FORM\0\0\0\0AIFFCOMM" + bytes(50),
    "This file has video.": mp4(track(b"vide", b"avc1")),
    "This is text, not audio.": b"This is just some text, nothing else.\n",
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_other_files_are_415_that_says_what_they_are(
    send: Any, put: Any, make_clip: MakeClip, new_files: Any, sentence: str
) -> None:
    for response in (send(REFUSED[sentence]), put(make_clip(), REFUSED[sentence])):
        assert (response.status_code, response.json()["code"]) == (415, "not_audio")
        assert response.json()["detail"].startswith(sentence)
    assert new_files() == set()
    assert Clip.objects.count() == 1


def test_errors_of_metadata_and_audio_come_together(send: Any, new_files: Any) -> None:
    response = send(PNG, title="", tags="a", audio_url="https://example.com/a.mp3", license="x")
    assert response.status_code == 400
    assert set(faulty(response)) == {"title", "tags", "audio_url", "license", "audio"}
    assert response.json()["audio"] == ["This is a PNG image, not audio."]
    assert new_files() == set()


@pytest.mark.parametrize(
    ("files", "codes"),
    [
        ({"audio": ("a.mp3", MP3)}, ["metadata.required"]),
        ({"metadata": (None, "{}")}, ["title.required", "genre.required", "audio.required"]),
        ({"metadata": (None, "{"), "audio": PNG}, ["audio.not_audio", "metadata.parse_error"]),
        *(
            ({"metadata": (None, text), "audio": MP3}, ["metadata.invalid"])
            for text in ("[]", "null", "1", '"{}"')
        ),
        ({"metadata": (None, '{"a":1,"a":2}'), "audio": MP3}, ["metadata.repeated_name"]),
        ({"metadata": (None, json.dumps(METADATA)), "audio": b""}, ["audio.empty"]),
        (
            {"metadata": (None, json.dumps(METADATA)), "audio": MP3, "title": (None, "x")},
            ["title.unknown"],
        ),
        (
            [("metadata", (None, json.dumps(METADATA))), ("audio", MP3), ("audio", MP3)],
            ["audio.repeated"],
        ),
        ({"metadata": (None, " " * 600_000), "audio": MP3}, ["metadata.max_length"]),
    ],
)
def test_parts_that_are_wrong(
    http: Http, token: dict[str, str], files: Any, codes: list[str]
) -> None:
    response = http("POST", CLIPS, files=files, headers=token)
    assert response.status_code == 400
    assert sorted(response.json()["codes"]) == sorted(codes)
    assert not Clip.objects.exists()


def test_duration_that_is_too_long_or_unknown(transactional_db: None) -> None:
    client, headers = Client(), bearer(editor("other"))
    for found, fields, status, code in (
        (None, {}, 400, "duration.required"),
        (None, {"duration": 3}, 201, ""),
        (Measurement(4000), {"duration": 3}, 400, "duration.max_value"),
    ):
        with mock.patch("library.api.judged_uploads.measure", return_value=found):
            audio = io.BytesIO(MP3)
            audio.name = "a.mp3"
            body = {"metadata": json.dumps(METADATA | fields), "audio": audio}
            response = client.post(CLIPS, body, headers=headers)
            assert response.status_code == status
            assert response.json().get("codes", [""]) == [code]


def test_public_cannot_upload(http: Http, put: Any, make_clip: MakeClip, new_files: Any) -> None:
    files: Any = {"metadata": (None, json.dumps(METADATA)), "audio": ("a.mp3", MP3)}
    assert settings.CLIPS_API_WRITES == "open"
    assert http("POST", CLIPS, json=METADATA).status_code == 400  # it may add clips
    anonymous = http("POST", CLIPS, files=files)
    assert (anonymous.status_code, anonymous.json()["code"]) == (401, "not_authenticated")
    reader = bearer(editor("reader", "view_clip"))
    assert http("POST", CLIPS, files=files, headers=reader).status_code == 403
    path = f"{CLIPS}/{make_clip().pk}/audio"
    assert http("PUT", path, data=MP3).status_code == 401
    assert http("PUT", path, data=MP3, headers=bearer(editor("a", "add_clip"))).status_code == 403
    assert new_files() == set()


def test_session_of_the_back_office_can_upload(http: Http) -> None:
    """Its CSRF token is in a header: looking for it in the form would read the body."""
    client = Client()
    client.force_login(editor())
    cookie = f"sessionid={client.cookies['sessionid'].value}; csrftoken={'x' * 32}"
    files: Any = {"metadata": (None, json.dumps(METADATA)), "audio": ("a.mp3", MP3 * 10)}
    without = http("POST", CLIPS, files=files, headers={"Cookie": cookie})
    assert (without.status_code, without.json()["code"]) == (403, "csrf_failed")
    headers = {"Cookie": cookie, "X-CSRFToken": "x" * 32}
    assert http("POST", CLIPS, files=files, headers=headers).status_code == 201


def test_digest_covers_the_form_or_a_part(http: Http, token: dict[str, str]) -> None:
    def form(part: str = "") -> bytes:
        head = b"--x\r\nContent-Disposition: form-data; name="
        field = f"\r\nContent-Digest: {part}" if part else ""
        return (
            head + b"metadata\r\n\r\n" + json.dumps(METADATA).encode() + b"\r\n" + head
            + b"audio" + field.encode() + b"\r\n\r\n" + MP3 + b"\r\n--x--\r\n"
        )  # fmt: skip

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    for body, whole, status in (
        (form(), digest(form()), 201),
        (form(), digest(MP3), 422),
        (form(digest(MP3)), None, 201),
        (form(digest(MP3)), digest(form(digest(MP3))), 201),
        (form(digest(b"x")), None, 422),
        (form("sha-256=1"), None, 400),
        (form(), "sha-256=1", 400),
    ):
        headers = token | kind | ({"Content-Digest": whole} if whole else {})
        assert http("POST", CLIPS, data=body, headers=headers).status_code == status
    assert Clip.objects.count() == 3


def test_known_file_is_named(send: Any, mp3: bytes, make_clip: MakeClip) -> None:
    known = make_clip()
    analysed(known, sha256=sha256(mp3).hexdigest())
    response = send(mp3)
    assert response.json()["duplicates"] == [{"id": known.pk, "kind": "bytes", "score": 1.0}]


# Retries


def test_repeated_upload_adds_one_clip(send: Any, new_files: Any) -> None:
    key = {"Idempotency-Key": "upload-1"}
    first, again = send(headers=key), send(headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    assert send(MP3 + MP3_FRAME, headers=key).json()["code"] == "idempotency_key_reused"
    assert send(headers=key, title="Other").status_code == 422
    assert Clip.objects.count() == len(new_files()) == 1


def test_key_of_json_is_not_one_of_an_upload(send: Any, http: Http, token: dict[str, str]) -> None:
    key = {"Idempotency-Key": "k"}
    body = METADATA | {"duration": 3, "audio_url": "https://example.com/a.mp3"}
    assert http("POST", CLIPS, json=body, headers=token | key).status_code == 201
    assert send(headers=key).status_code == 422


def test_repeated_replacement_changes_once(put: Any, make_clip: MakeClip, new_files: Any) -> None:
    clip = make_clip()
    etag = f'"{version(clip.pk, clip.updated_at)}x"'
    first = put(clip, Idempotency_Key="k", If_Match=etag)
    again = put(clip, Idempotency_Key="k", If_Match=etag)
    assert (first.status_code, again.status_code) == (200, 200)
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    assert put(clip, MP3 * 2, Idempotency_Key="k").status_code == 422
    assert len(new_files()) == 1


# Other audio for a clip


def test_replaced_audio_is_that_of_the_clip(
    put: Any, http: Http, make_clip: MakeClip, new_files: Any
) -> None:
    clip = make_clip()
    analysed(clip)
    response = put(clip, Content_Type="text/plain", Content_Digest=digest(MP3))
    assert response.status_code == 200
    shown, clip = response.json(), Clip.objects.get()
    assert (clip.duration, clip.size_bytes, clip.content_type) == (SECONDS, len(MP3), "audio/mpeg")
    assert (shown["audio"], shown["renditions"], shown["warnings"]) == (None, [], [])
    assert response.headers["Content-Location"] == f"{CLIPS}/{clip.pk}"
    assert response.headers["ETag"].startswith('"' + version(clip.pk, clip.updated_at))
    assert http("GET", f"{CLIPS}/{clip.pk}/stream").content == MP3
    ((author, sentence, values),) = history_entries()
    assert (author, values[0][0]) == ("editor", "duration"), sentence
    with connection.cursor() as cursor:
        cursor.execute("SELECT args FROM procrastinate_jobs WHERE task_name = 'analyse_clip'")
        assert json.loads(cursor.fetchone()[0]) == {"clip_id": clip.pk}
    (first,) = new_files()
    assert put(clip, MP3 * 2).status_code == 200
    assert first not in new_files()  # the replaced upload is deleted
    assert len(new_files()) == 1


def test_upload_replaces_a_url(put: Any, http: Http, make_clip: MakeClip) -> None:
    clip, other = (make_clip(audio_url="https://example.com/a.mp3") for _ in range(2))
    Duplicate.objects.create(clip_a=clip, clip_b=other, kind="url", score=1)
    assert put(clip).status_code == 200
    clip.refresh_from_db()
    assert (clip.audio_url, clip.duration) == ("", SECONDS)
    assert not Duplicate.objects.exists()


def test_conditions_of_a_replacement(put: Any, http: Http, make_clip: MakeClip) -> None:
    clip = make_clip()
    etag = http("GET", f"{CLIPS}/{clip.pk}").headers["ETag"]
    assert put(clip, If_Match='"old"').status_code == 412
    replaced = put(clip, If_Match=etag)
    assert replaced.status_code == 200
    assert put(clip, If_Match=etag).json()["code"] == "precondition_failed"
    assert put(clip, MP3 * 2, If_Match=replaced.headers["ETag"]).status_code == 200
    assert put(clip, MP3 * 3).status_code == 200  # without a condition, the last one wins
    Clip.objects.all().mark_deleted()
    assert put(clip).status_code == 410
    clip.pk += 1
    assert put(clip).status_code == 404


def test_bodies_of_a_replacement_that_are_refused(put: Any, make_clip: MakeClip) -> None:
    clip = make_clip()
    limit = settings.CLIPS_AUDIO_MAX_BYTES
    for status, code, body, headers in (
        (400, "empty_body", b"", {}),
        (415, "unsupported_content_encoding", MP3, {"Content_Encoding": "gzip"}),
        (415, "unsupported_media_type", MP3, {"Content_Type": "multipart/form-data; boundary=x"}),
        (400, "partial_body", MP3, {"Content_Range": f"bytes 0-{len(MP3) - 1}/{len(MP3) * 2}"}),
        (422, "digest_mismatch", MP3, {"Content_Digest": digest(b"x")}),
        (400, "content_digest_invalid", MP3, {"Content_Digest": "sha-256"}),
        (413, "payload_too_large", bytes(limit + 1), {}),
        (413, "payload_too_large", iter([bytes(limit), b"x"]), {}),
        (400, "empty_body", iter([]), {}),
    ):
        response = put(clip, body, **headers)
        assert (response.status_code, response.json()["code"]) == (status, code)
    assert Clip.objects.get().updated_at == clip.updated_at


def test_preview_must_fit_the_new_audio(put: Any, make_clip: MakeClip, new_files: Any) -> None:
    clip = make_clip(preview_start=20)
    response = put(clip)
    assert faulty(response) == ["preview_start"]
    assert new_files() == set()


def test_large_audio_passes_all_limits(send: Any, put: Any, mp3: bytes) -> None:
    limit = settings.CLIPS_AUDIO_MAX_BYTES
    largest = (mp3 * (limit // len(mp3) + 1))[: limit - 128] + bytes(128)
    shown = send(largest, description="x" * 5000).json()
    assert shown["size_bytes"] == limit
    clip = Clip.objects.get()
    response = put(clip, iter([largest[:1_000_000], largest[1_000_000:]]))  # in chunks
    assert (response.status_code, response.json()["size_bytes"]) == (200, limit)
    assert send(largest + b"x").status_code == 413
    assert Clip.objects.count() == 1


def test_other_methods_are_405(http: Http, token: dict[str, str], clip: Clip) -> None:
    for method in ("GET", "POST", "PATCH", "DELETE"):
        response = http(method, f"{CLIPS}/{clip.pk}/audio", headers=token)
        assert (response.status_code, response.headers["Allow"]) == (405, "PUT, OPTIONS")


# Failures


def test_failure_of_the_database_leaves_no_file(
    token: dict[str, str], clip: Clip, new_files: Any
) -> None:
    audio = io.BytesIO(MP3)
    audio.name = "a.mp3"
    client = Client(raise_request_exception=False, headers=token)
    fails = mock.Mock(side_effect=IntegrityError)
    body = {"metadata": json.dumps(METADATA), "audio": audio}
    key = {"Idempotency-Key": "k"}
    with mock.patch.object(history, "note_additions", fails):
        assert client.post(CLIPS, body).status_code == 500
    with mock.patch.object(IdempotentAnswer.objects, "purge", fails):  # outside its transaction
        audio.seek(0)
        assert client.post(CLIPS, body, headers=key).status_code == 500
    with mock.patch.object(history, "note_changes", fails):
        path = f"{CLIPS}/{clip.pk}/audio"
        assert client.put(path, MP3, content_type="audio/mpeg").status_code == 500
    assert new_files() == set()
    assert [*Clip.objects.values_list("audio_file", flat=True)] == [clip.audio_file.name]


# Proposals


def tagged(**texts: str) -> bytes:
    file, tag = io.BytesIO(MP3), ID3()
    for name, text in texts.items():
        tag.add(getattr(frames, name)(encoding=1, text=[text]))
    tag.add(frames.COMM(encoding=3, lang="eng", desc="", text=["One\r\ntwo"]))
    tag.save(file, v1=0)
    return file.getvalue()


def test_tags_are_proposed_and_not_applied(send: Any, put: Any, http: Http, token: Any) -> None:
    audio = tagged(TIT2="Piña", TPE1="Ann", TCON="(17)", TSRC="US-S1Z-99-00001", TMOO="Calm, Night")
    shown = send(audio).json()
    assert (shown["title"], shown["creator"], shown["isrc"]) == ("New", None, None)
    assert shown["proposals"] == {
        "title": "Piña",
        "description": "One\ntwo",
        "genre": "Rock",
        "tags": ["calm", "night"],
        "creator": "Ann",
        "isrc": "USS1Z9900001",
    }
    path = f"{CLIPS}/{shown['id']}"
    changed = http("PATCH", path, json=shown["proposals"], headers=token)
    assert changed.status_code == 200
    assert {name: changed.json()[name] for name in shown["proposals"]} == shown["proposals"]
    assert put(Clip.objects.get(), audio).json()["proposals"] == shown["proposals"]


@pytest.mark.parametrize(
    "text",
    [
        "a\0b",
        "\u202egnp.evil",
        "x" * 20_000,
        "line\nbreak\x07",
        "\u200b",
        "\ufffe\U000e0041",
        "e\u0301" * 5000,
        "<script>alert(1)</script>",
        "🏴\U000e0067\U000e0062" * 50,
    ],
)
def test_hostile_tags_make_proposals_that_are_valid(
    send: Any, http: Http, token: dict[str, str], text: str
) -> None:
    shown = send(tagged(TIT2=text, TPE1=text, TCON=text, TSRC=text, TMOO=text, TCOP=text)).json()
    proposals = shown["proposals"]
    changed = http("PATCH", f"{CLIPS}/{shown['id']}", json=proposals, headers=token)
    assert changed.status_code == 200, changed.text
    assert {name: changed.json()[name] for name in proposals} == proposals
    assert "isrc" not in proposals
