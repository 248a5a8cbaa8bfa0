"""Real error responses have the statuses, codes and sentences that OpenAPI documents."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import requests
from django.db import connection
from django.test import Client

from harness.origin import Origin, answer
from harness.service import Server, free_port
from library.api.openapi.examples import REPORT
from library.models import Clip, Rendition
from tests.support.analyses import analysed, not_analysed
from tests.support.editors import bearer, editor, enrolled
from tests.support.listens import make_older
from tests.support.sounds import MP2_FRAME, mp4, track

Http = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]
Documented = dict[tuple[str, int], dict[str, str]]

NEW = {"title": "New", "genre": "jazz", "duration": 3, "audio_url": "https://example.com/a.mp3"}
OPERATIONS = {
    "index": ("GET", "/api/v1"),
    "list_clips": ("GET", "/api/v1/clips"),
    "list_changes": ("GET", "/api/v1/changes"),
    "add_clip": ("POST", "/api/v1/clips"),
    "add_clips": ("POST", "/api/v1/clips/bulk"),
    "show_clip": ("GET", "/api/v1/clips/{id}"),
    "change_clip": ("PATCH", "/api/v1/clips/{id}"),
    "replace_clip_audio": ("PUT", "/api/v1/clips/{id}/audio"),
    "delete_clip": ("DELETE", "/api/v1/clips/{id}"),
    "stream_clip": ("GET", "/api/v1/clips/{id}/stream"),
    "report_listen": ("POST", "/api/v1/clips/{id}/listens"),
    "clip_statistics": ("GET", "/api/v1/clips/{id}/stats"),
    "library_statistics": ("GET", "/api/v1/stats"),
    "clip_waveform": ("GET", "/api/v1/clips/{id}/waveform"),
    "clip_waveform_svg": ("GET", "/api/v1/clips/{id}/waveform.svg"),
    "clip_waveform_png": ("GET", "/api/v1/clips/{id}/waveform.png"),
}
WAVEFORMS = ("clip_waveform", "clip_waveform_svg", "clip_waveform_png")
OF_A_CLIP = ("show_clip", "clip_statistics", *WAVEFORMS)
READS = ("index", "list_clips", "list_changes", "library_statistics", *OF_A_CLIP)
ADDS = ("add_clip", "add_clips")
EDITS = ("change_clip", "delete_clip", "replace_clip_audio")
OF_ANYONE = ("stream_clip", "report_listen")  # whatever they send to sign in
FIELDS = ""  # instead of a code: errors of fields or parameters, by name
# Provoked by the tests of the packages that raise them.
PROVOKED_ELSEWHERE = {
    *("idempotency_key_in_use", "database_unavailable", "no_capacity", "play_not_recorded"),
    *("database_read_only", "database_busy", "request_timeout", "misdirected_request"),
    *("too_many_connections", "body_not_stored", "whole_not_public", "renditions_full"),
    *("origin_dns_failed", "origin_tls_failed", "origin_redirect_refused", "origin_redirect_loop"),
    *("origin_loop", "origin_protocol_error", "origin_too_large", "origin_truncated"),
    *("origin_timeout", "origin_busy", "origin_url_invalid"),
    *("store_unavailable", "file_not_audio", "body_incomplete"),
    *("too_many_webhooks", "nothing_to_resend", "too_many_secrets"),
    *("idempotency_key_not_supported", "facets_busy"),
}


class Errors:
    """Sends requests that fail, and compares the responses with the description."""

    def __init__(self, http: Http) -> None:
        self.http = http
        self.documented = documented(http("GET", "/openapi.json").json())
        self.seen: set[str] = set()

    def provoke(self, operation: str, code: str, clip_id: int = 1, **options: Any) -> None:
        method, path = OPERATIONS[operation]
        query = options.pop("query", "")
        response = self.http(method, path.format(id=clip_id) + query, **options)
        self.check(operation, code, response)

    def check(self, operation: str, code: str, response: requests.Response) -> None:
        body = response.json()
        expected = self.documented[operation, response.status_code]
        assert body.get("code", FIELDS) == code, (operation, body)
        assert code in expected, (operation, response.status_code, body)
        if code != FIELDS:
            assert without_numbers(body["detail"]) == without_numbers(expected[code])
        self.seen.add(code)


def documented(document: dict[str, Any]) -> Documented:
    """The sentences of the documented errors: by operation and status, then by code."""
    return {
        (operation["operationId"], int(status)): {
            example["value"].get("code", FIELDS): example["value"].get("detail", "")
            for content in response.get("content", {}).values()
            for example in content["examples"].values()
        }
        for path in document["paths"].values()
        for operation in path.values()
        for status, response in operation["responses"].items()
        if status >= "400"
    }


def without_numbers(sentence: str) -> str:
    return re.sub(r"\d+( second\b)?", lambda found: "0 seconds" if found[1] else "0", sentence)


@pytest.fixture
def errors(http: Http) -> Errors:
    return Errors(http)


@pytest.fixture
def token(transactional_db: None) -> dict[str, str]:
    return bearer(editor())


def session(user: Any) -> dict[str, str]:
    """The cookie header of a session of the back office."""
    client = Client()
    client.force_login(user)
    return {"Cookie": f"sessionid={client.cookies['sessionid'].value}; csrftoken={'x' * 32}"}


def provoke_errors_of_any_client(errors: Errors) -> None:
    for operation in OPERATIONS:
        errors.provoke(operation, "bad_request", headers={"Host": "evil.example"})
        if operation in OF_ANYONE:
            continue
        errors.provoke(operation, "invalid_token", headers={"Authorization": "Bearer wrong"})
        if operation not in WAVEFORMS[1:]:  # a page may show an image, whatever it accepts
            errors.provoke(operation, "not_acceptable", headers={"Accept": "text/html"})
    for operation in READS:
        if operation not in OF_A_CLIP:  # these need a clip, as below
            errors.provoke(operation, "precondition_failed", headers={"If-Match": '"old"'})
        errors.provoke(operation, FIELDS, query="?format=xml&page=2&limit=0")
        errors.provoke(operation, "uri_too_long", query=f"?search={'x' * 5000}")
        code = "request_header_fields_too_large"
        errors.provoke(operation, code, headers={"X-Long": "x" * 9000})


def provoke_errors_of_permissions(errors: Errors) -> None:
    user = editor("novice", "add_clip")
    for operation in EDITS:
        errors.provoke(operation, "not_authenticated")
        errors.provoke(operation, "permission_denied", headers=bearer(user, operation))
        errors.provoke(operation, "csrf_failed", headers=session(user))
    enrolled(user)
    headers = {**session(user), "X-CSRFToken": "x" * 32}
    errors.provoke("delete_clip", "second_factor_missing", headers=headers)


def provoke_errors_of_bodies(errors: Errors, token: dict[str, str]) -> None:
    for operation in (*ADDS, "change_clip"):
        json = {**token, "Content-Type": "application/json"}
        text = {**token, "Content-Type": "text/plain"}
        errors.provoke(operation, "parse_error", data="{", headers=json)
        errors.provoke(operation, "repeated_name", data='{"title": 1, "title": 2}', headers=json)
        errors.provoke(operation, "length_required", data=iter([b"{}"]), headers=json)
        errors.provoke(operation, "payload_too_large", data=b"[" * 2_000_001, headers=json)
        errors.provoke(operation, "unsupported_media_type", data="{}", headers=text)
        coded = {**json, "Content-Encoding": "gzip"}
        errors.provoke(operation, "unsupported_content_encoding", data="{}", headers=coded)
    errors.provoke("add_clip", FIELDS, json={**NEW, "title": ""})
    errors.provoke("add_clips", FIELDS, json=NEW)
    errors.provoke("add_clips", "invalid_clips", json=[{**NEW, "title": ""}])


def provoke_errors_of_reports(errors: Errors, clip: Clip) -> None:
    def provoke(code: str, body: Any = "{", **headers: str) -> None:
        errors.provoke("report_listen", code, clip.pk, data=body, headers=headers)

    provoke(FIELDS, '{"session": "me", "position": -1, "state": "stopped"}')
    provoke("parse_error")
    provoke("repeated_name", '{"position": 1, "position": 2}')
    provoke("length_required", iter([b"{}"]))
    provoke("payload_too_large", b"[" * 1001)
    provoke("unsupported_media_type", **{"Content-Type": "text/html"})
    provoke("unsupported_content_encoding", **{"Content-Encoding": "gzip"})
    errors.provoke("report_listen", "not_found", 999, json=REPORT)
    path = OPERATIONS["report_listen"][1].format(id=clip.pk)
    assert errors.http("POST", path, json=REPORT).status_code == 204
    make_older(days=1)
    errors.provoke("report_listen", "session_expired", clip.pk, json=REPORT)


def provoke_errors_of_uploads(errors: Errors, clip: Clip, token: dict[str, str]) -> None:
    png = b"\x89PNG\r\n\x1a\n"
    form: Any = {"metadata": (None, '{"title": "New", "genre": "jazz"}'), "audio": ("a.mp3", png)}
    damaged = {**token, "Content-Digest": f"sha-256=:{'A' * 43}=:"}
    malformed = {**token, "Content-Digest": "sha-256=1"}
    for operation, sent in (("add_clip", {"files": form}), ("replace_clip_audio", {"data": png})):
        errors.provoke(operation, "not_audio", clip.pk, headers=token, **sent)
        errors.provoke(operation, "digest_mismatch", clip.pk, headers=damaged, **sent)
        errors.provoke(operation, "content_digest_invalid", clip.pk, headers=malformed, **sent)
        part = {**token, "Content-Range": "bytes 0-7/16"}
        errors.provoke(operation, "partial_body", clip.pk, headers=part, **sent)
        large = {**token, "Content-Length": "30000000"}
        request = {"headers": large, "data": b""}
        if operation == "add_clip":
            large["Content-Type"] = "multipart/form-data; boundary=x"
        errors.provoke(operation, "payload_too_large", clip.pk, **request)
    errors.provoke("add_clip", FIELDS, headers=token, files={**form, "audio": ("a.mp3", b"")})
    ends = {**token, "Content-Type": "multipart/form-data; boundary=x"}
    errors.provoke("add_clip", "form_invalid", headers=ends, data=b"--x\r\n")
    errors.provoke("replace_clip_audio", "empty_body", clip.pk, headers=token)
    errors.provoke(
        "replace_clip_audio", "unsupported_media_type", clip.pk, headers=token, files=form
    )


def provoke_errors_of_keys(errors: Errors) -> None:
    for operation, body in zip(ADDS, (NEW, [NEW]), strict=True):
        invalid, used = {"Idempotency-Key": "a b"}, {"Idempotency-Key": operation}
        errors.provoke(operation, "idempotency_key_invalid", json=body, headers=invalid)
        method, path = OPERATIONS[operation]
        assert errors.http(method, path, json=body, headers=used).status_code == 201
        errors.provoke(operation, "idempotency_key_reused", json=[body], headers=used)


def provoke_errors_of_clips(errors: Errors, clip: Clip, token: dict[str, str]) -> None:
    old = {**token, "If-Match": '"old"'}
    errors.provoke("list_changes", "cursor_expired", query="?cursor=1.1")
    for operation in WAVEFORMS:
        errors.provoke(operation, "analysis_pending", clip.pk)
    analysed(clip)
    for operation in (*EDITS, *OF_A_CLIP):
        errors.provoke(operation, "precondition_failed", clip.pk, json={}, headers=old)
    errors.provoke("stream_clip", "precondition_failed", clip.pk, headers=old)
    errors.provoke("stream_clip", "range_not_satisfiable", clip.pk, headers={"Range": "bytes=-0"})
    not_analysed(clip, "damaged")
    for operation in WAVEFORMS:
        errors.provoke(operation, "not_analysed", clip.pk)
    for operation in ("stream_clip", *OF_A_CLIP, *EDITS):
        errors.provoke(operation, "not_found", 999, json={}, headers=token)
    Clip.objects.update(state="withdrawn", withdrawn_reason="Its creator asked us to.")
    for operation in ("show_clip", *OF_ANYONE, *WAVEFORMS):
        errors.provoke(operation, "clip_withdrawn", clip.pk, json=REPORT)
    Clip.objects.all().mark_deleted()
    for operation in ("show_clip", *OF_ANYONE, *WAVEFORMS, *EDITS):
        body = REPORT if operation == "report_listen" else {}
        errors.provoke(operation, "clip_deleted", clip.pk, json=body, headers=token)


def provoke_errors_of_audio(errors: Errors, make_clip: MakeClip, origin: Origin) -> None:
    compressed = {"Content-Encoding": "gzip"}
    urls = {
        "origin_http_error": origin.on("/gone", answer(status="410 Gone")),
        "origin_not_audio": origin.on("/zeros", answer(bytes(100_000))),
        "origin_web_page": origin.on("/page", answer(b"<!DOCTYPE html>" * 100)),
        "origin_playlist": origin.on("/m3u", answer(b"#EXTM3U\nhttp://example.com/a.mp3")),
        "origin_text": origin.on("/json", answer(b'{"error": "not found"}')),
        "origin_image": origin.on("/png", answer(b"\x89PNG\r\n\x1a\n")),
        "origin_document": origin.on("/pdf", answer(b"%PDF-1.7")),
        "origin_archive": origin.on("/zip", answer(b"PK\x03\x04")),
        "origin_video": origin.on("/video", answer(mp4(track(b"vide", b"avc1")))),
        "origin_codec": origin.on("/mp2", answer(MP2_FRAME * 9)),
        "origin_empty": origin.on("/empty", answer()),
        "origin_content_coding": origin.on("/gzip", answer(b"x", headers=compressed)),
        "origin_length_invalid": origin.on("/-1", answer(b"x", headers={"Content-Length": "-1"})),
        "origin_unreachable": f"http://127.0.0.1:{free_port()}/",
        "origin_address_refused": "http://10.0.0.1/",
    }
    for code, url in urls.items():
        errors.provoke("stream_clip", code, make_clip(audio_url=url).pk)
    missing = make_clip(audio_file="samples/missing.mp3")
    errors.provoke("stream_clip", "file_missing", missing.pk)


def provoke_errors_of_renditions(errors: Errors, clip: Clip) -> None:
    values = "?part=middle&format=flac&quality=best"
    errors.provoke("stream_clip", FIELDS, clip.pk, query=values)
    errors.provoke("stream_clip", "rendition_pending", clip.pk, query="?part=preview")
    Rendition.objects.update(state="failed", failure="damaged")
    errors.provoke("stream_clip", "rendition_failed", clip.pk, query="?part=preview")


def provoke_a_server_error(errors: Errors) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE library_clip RENAME COLUMN genre TO mood")
        try:
            errors.provoke("list_clips", "server_error")
        finally:
            cursor.execute("ALTER TABLE library_clip RENAME COLUMN mood TO genre")


def provoke_throttling(errors: Errors, limited: Server, clip: Clip) -> None:
    for operation, body in zip((*ADDS, "list_clips"), (NEW, [NEW], None), strict=True):
        method, path = OPERATIONS[operation]
        for _ in range(3):
            response = requests.request(method, limited.url + path, json=body, timeout=30)
        errors.check(operation, "throttled", response)
    method, path = OPERATIONS["report_listen"]
    url = limited.url + path.format(id=clip.pk)
    for code, attempts in (("too_many_listens", 4), ("throttled", 20)):
        for _ in range(attempts):
            report = {**REPORT, "session": str(uuid4())}
            response = requests.request(method, url, json=report, timeout=30)
        errors.check("report_listen", code, response)


def provoke_too_many_keys(errors: Errors, limited: Server) -> None:
    for operation, body in zip(ADDS, (NEW, [NEW]), strict=True):
        method, path = OPERATIONS[operation]
        for key in ("first", f"second {operation}"):
            headers = {"Idempotency-Key": f'"{key}"'}
            url = limited.url + path
            response = requests.request(method, url, json=body, headers=headers, timeout=30)
        errors.check(operation, "too_many_idempotency_keys", response)


def test_errors_are_as_documented(
    errors: Errors,
    clip: Clip,
    make_clip: MakeClip,
    origin: Origin,
    token: dict[str, str],
    start_server: Callable[..., Server],
) -> None:
    provoke_errors_of_any_client(errors)
    provoke_errors_of_permissions(errors)
    provoke_errors_of_bodies(errors, token)
    provoke_errors_of_uploads(errors, clip, token)
    provoke_errors_of_keys(errors)
    provoke_errors_of_reports(errors, clip)
    provoke_errors_of_audio(errors, make_clip, origin)
    provoke_errors_of_renditions(errors, clip)
    provoke_errors_of_clips(errors, clip, token)
    provoke_a_server_error(errors)
    provoke_too_many_keys(errors, start_server(CLIPS_IDEMPOTENCY_KEYS="1"))
    limits = {f"CLIPS_THROTTLE_{kind}": "1" for kind in ("READS", "WRITES", "BULK")}
    limits["CLIPS_THROTTLE_LISTENS"] = "12"  # and one listen
    Clip.objects.update(state="published", deleted_at=None)
    provoke_throttling(errors, start_server(CLIPS_THROTTLE="on", **limits), clip)
    codes = {code for responses in errors.documented.values() for code in responses}
    assert codes - errors.seen == PROVOKED_ELSEWHERE
