"""Conditional requests for JSON (RFC 9110, section 13), and changes that change nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.contrib.admin.models import LogEntry

from library.changes.version import library_token
from library.models import Clip
from library.streams.dates import http_date
from tests.support.editors import bearer, editor

Http = Callable[..., requests.Response]
CLIPS = "/api/v1/clips"
NEW = {"title": "New", "genre": "jazz", "duration": 3, "audio_url": "https://example.com/a.mp3"}
READS = [CLIPS, f"{CLIPS}/{{}}", f"{CLIPS}/{{}}/stats", "/api/v1/stats"]


@pytest.fixture
def token(transactional_db: None) -> dict[str, str]:
    """The header with an editor's token."""
    return bearer(editor())


def moment(clip: Clip, seconds: int) -> str:
    """An HTTP date so many seconds after the clip's last change."""
    return http_date(int((clip.updated_at + timedelta(seconds=seconds)).timestamp()))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", READS)
def test_read_of_another_version_is_412_in_json(
    http: Http, clip: Clip, path: str, method: str
) -> None:
    answer = http(method, path.format(clip.pk), headers={"If-Match": '"other"'})
    assert answer.status_code == 412
    assert answer.headers["Content-Type"] == "application/json"
    if method == "GET":
        assert answer.json()["code"] == "precondition_failed"


@pytest.mark.parametrize("path", READS)
def test_read_of_any_version_succeeds(http: Http, clip: Clip, path: str) -> None:
    assert http("GET", path.format(clip.pk), headers={"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize("path", READS[:2])
def test_read_of_this_version_succeeds(http: Http, clip: Clip, path: str) -> None:
    etag = http("GET", path.format(clip.pk)).headers["ETag"]
    answer = http("GET", path.format(clip.pk), headers={"If-Match": f'"x", {etag}'})
    assert answer.status_code == 200


@pytest.mark.parametrize(("seconds", "status"), [(-1, 412), (0, 200), (60, 200)])
def test_clip_is_read_only_if_unmodified(http: Http, clip: Clip, seconds: int, status: int) -> None:
    headers = {"If-Unmodified-Since": moment(clip, seconds)}
    assert http("GET", f"{CLIPS}/{clip.pk}", headers=headers).status_code == status


@pytest.mark.parametrize("name", ["If-Unmodified-Since", "If-Modified-Since"])
def test_list_has_no_date_so_dates_are_ignored(http: Http, clip: Clip, name: str) -> None:
    headers = {name: "Sun, 06 Nov 1994 08:49:37 GMT"}
    assert http("GET", CLIPS, headers=headers).status_code == 200


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("seconds", "refused"), [(-1, True), (-86_400, True), (0, False), (60, False)]
)
def test_clip_is_changed_only_if_unmodified(
    http: Http, clip: Clip, token: dict[str, str], method: str, seconds: int, refused: bool
) -> None:
    headers = {**token, "If-Unmodified-Since": moment(clip, seconds)}
    answer = http(method, f"{CLIPS}/{clip.pk}", json={"title": "B"}, headers=headers)
    assert (answer.status_code == 412) == refused
    assert Clip.objects.available().filter(title=clip.title).exists() == refused


def test_invalid_date_and_a_date_beside_if_match_are_ignored(
    http: Http, clip: Clip, token: dict[str, str]
) -> None:
    old = {"If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:37 GMT", "If-Match": "*"}
    for condition in ({"If-Unmodified-Since": "yesterday"}, old):
        headers = {**token, **condition}
        answer = http("PATCH", f"{CLIPS}/{clip.pk}", json={"genre": "jazz"}, headers=headers)
        assert answer.status_code == 200


@pytest.mark.parametrize("path", READS[2:])
def test_statistics_have_a_weak_etag_that_ignores_the_time_of_reading(
    http: Http, clip: Clip, path: str
) -> None:
    path = path.format(clip.pk)
    first = http("GET", path)
    again = http("GET", path, headers={"If-None-Match": first.headers["ETag"]})
    assert first.headers["ETag"].startswith('W/"')
    assert (again.status_code, again.content) == (304, b"")
    http("GET", f"{CLIPS}/{clip.pk}/stream")
    changed = http("GET", path, headers={"If-None-Match": first.headers["ETag"]})
    assert (changed.status_code, changed.json()["play_count"]) == (200, 1)


def test_new_clip_has_the_etag_of_its_page(http: Http, token: dict[str, str]) -> None:
    made = http("POST", CLIPS, json=NEW)
    path = f"{CLIPS}/{made.json()['id']}"
    assert made.headers["ETag"] == http("GET", path).headers["ETag"]
    headers = {**token, "If-Match": made.headers["ETag"]}
    changed = http("PATCH", path, json={"title": "B"}, headers=headers)
    assert changed.status_code == 200
    assert changed.headers["ETag"] == http("GET", path).headers["ETag"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"title": "Caf\xe9"},
        {"title": "Cafe\u0301"},
        {"title": "  Caf\xe9 "},
        {"tags": ["RAIN", " night  drive", "rain"]},
        {"licence": "cc by 4.0"},
        {"licence": "https://creativecommons.org/licenses/by/4.0/"},
        {"isrc": "us-s1z-99-00001"},
        {"duration": 30},
        {"creator": None, "description": ""},
        {"audio_url": "https://example.com/a.mp3"},
    ],
)
def test_change_that_changes_nothing_leaves_the_version(
    http: Http, make_clip: Callable[..., Clip], token: dict[str, str], body: dict[str, Any]
) -> None:
    clip = make_clip(
        title="Caf\xe9",
        tags=["rain", "night drive"],
        licence="CC-BY-4.0",
        isrc="USS1Z9900001",
        duration=30.0,
        description="",
        audio_url="https://example.com/a.mp3",
    )
    path = f"{CLIPS}/{clip.pk}"
    before, changes = http("GET", path), library_token().changes
    answer = http("PATCH", path, json=body, headers={**token, "If-Match": before.headers["ETag"]})
    assert (answer.status_code, answer.json()) == (200, before.json())
    assert answer.headers["ETag"] == before.headers["ETag"]
    assert library_token().changes == changes
    assert not LogEntry.objects.exists()


def test_one_change_among_equal_values_is_a_change(
    http: Http, clip: Clip, token: dict[str, str]
) -> None:
    body = {"title": clip.title, "genre": "other"}
    answer = http("PATCH", f"{CLIPS}/{clip.pk}", json=body, headers=token).json()
    assert answer["genre"] == "other"
    assert answer["updated_at"] > clip.updated_at.isoformat()
    assert LogEntry.objects.get().get_change_message() == "Changed genre."


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_clip_that_if_none_match_names_is_not_changed(
    http: Http, clip: Clip, token: dict[str, str], method: str
) -> None:
    path = f"{CLIPS}/{clip.pk}"
    etag = http("GET", path).headers["ETag"]
    for condition in ("*", etag, f"W/{etag}", f'"x", {etag}'):
        headers = {**token, "If-None-Match": condition, "If-Match": etag}
        answer = http(method, path, json={"title": "B"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    assert Clip.objects.available().filter(title=clip.title).exists()
    headers = {**token, "If-None-Match": '"other"'}
    assert http(method, path, json={"title": "B"}, headers=headers).ok
