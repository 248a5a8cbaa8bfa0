"""Changing, deleting and bulk adding of clips over HTTP."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from library.models import Clip
from tests.support.editors import bearer, editor
from tests.support.field_errors import faulty

Http = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]

NEW = {
    "title": "New Clip",
    "genre": "electronic",
    "duration": 30.5,
    "audio_url": "https://example.com/audio.mp3",
}


@pytest.fixture
def token(transactional_db: None) -> dict[str, str]:
    """The header with an editor's token."""
    return bearer(editor())


def path(clip: Clip) -> str:
    return f"/api/v1/clips/{clip.pk}"


def test_patch_changes_only_the_given_fields(http: Http, clip: Clip, token: dict[str, str]) -> None:
    before = http("GET", path(clip)).json()
    changed = http("PATCH", path(clip), json={"title": "Better"}, headers=token).json()
    assert changed == {**before, "title": "Better", "updated_at": changed["updated_at"]}
    assert http("GET", path(clip)).json() == changed


@pytest.mark.parametrize(
    "body", [{"title": ""}, {"duration": 0}, {"audio_url": "http://10.0.0.1/"}]
)
def test_patch_is_validated_like_post(
    http: Http, make_clip: MakeClip, token: dict[str, str], body: dict[str, Any]
) -> None:
    clip = make_clip(audio_url="https://example.com/a.mp3")
    response = http("PATCH", path(clip), json=body, headers=token)
    assert (response.status_code, faulty(response)) == (400, list(body))


def test_url_for_a_clip_with_an_upload_is_400(
    http: Http, clip: Clip, token: dict[str, str]
) -> None:
    body = {"audio_url": "https://example.com/a.mp3"}
    response = http("PATCH", path(clip), json=body, headers=token)
    assert (response.status_code, faulty(response)) == (400, ["audio_url"])


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_play_does_not_change_the_version(
    http: Http, clip: Clip, token: dict[str, str], method: str
) -> None:
    etag = http("GET", path(clip)).headers["ETag"]
    http("GET", f"{path(clip)}/stream")
    assert http("GET", path(clip)).headers["ETag"] != etag
    answer = http(method, path(clip), json={"title": "B"}, headers={**token, "If-Match": etag})
    assert answer.status_code in (200, 204)


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_change_of_an_old_version_is_412(
    http: Http, clip: Clip, token: dict[str, str], method: str
) -> None:
    etag = http("GET", path(clip)).headers["ETag"]
    changed = http("PATCH", path(clip), json={"title": "First"}, headers=token)
    answer = http(method, path(clip), json={"title": "B"}, headers={**token, "If-Match": etag})
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    assert http("GET", path(clip)).headers["ETag"] == changed.headers["ETag"]


@pytest.mark.parametrize(
    ("condition", "status"),
    [("*", 200), ('"other", {}', 200), ("W/{}", 412), ("nonsense", 412), ("", 412)],
)
def test_if_match_follows_the_rfc(
    http: Http, clip: Clip, token: dict[str, str], condition: str, status: int
) -> None:
    condition = condition.format(http("GET", path(clip)).headers["ETag"])
    headers = {**token, "If-Match": condition}
    assert http("PATCH", path(clip), json={"title": "B"}, headers=headers).status_code == status


def test_one_of_several_parallel_changes_of_a_version_succeeds(
    http: Http, clip: Clip, token: dict[str, str], server: Any
) -> None:
    headers = {**token, "If-Match": http("GET", path(clip)).headers["ETag"]}

    def change(number: int) -> int:
        body = {"title": f"By {number}"}
        url = server.url + path(clip)
        return requests.patch(url, json=body, headers=headers, timeout=30).status_code

    with ThreadPoolExecutor(12) as pool:
        statuses = sorted(pool.map(change, range(12)))
    assert statuses == [200] + 11 * [412]


def test_deleted_clip_is_not_listed_but_its_plays_stay_counted(
    http: Http, clip: Clip, make_clip: MakeClip, token: dict[str, str]
) -> None:
    other = make_clip()
    http("GET", f"{path(clip)}/stream")
    http("GET", f"{path(other)}/stream")
    assert http("DELETE", path(clip), headers=token).status_code == 204
    assert [shown["id"] for shown in http("GET", "/api/v1/clips").json()] == [other.pk]
    assert http("GET", f"{path(clip)}/stats").json()["play_count"] == 1
    metrics = http("GET", "/metrics").text
    assert "clips_plays_recorded_total 2.0" in metrics
    assert f'clips_top_streamed_total{{clip_id="{other.pk}"' in metrics
    assert f'clips_top_streamed_total{{clip_id="{clip.pk}"' not in metrics


@pytest.mark.parametrize(
    ("method", "below"), [("GET", ""), ("GET", "/stream"), ("PATCH", ""), ("DELETE", "")]
)
def test_deleted_clip_is_410(
    http: Http, clip: Clip, token: dict[str, str], method: str, below: str
) -> None:
    http("DELETE", path(clip), headers=token)
    answer = http(method, path(clip) + below, headers=token)
    assert (answer.status_code, answer.json()["code"]) == (410, "clip_deleted")


def test_deleted_clip_is_not_on_the_listening_page(
    http: Http, make_clip: MakeClip, token: dict[str, str]
) -> None:
    clip = make_clip(title="Soon Forgotten")
    assert "Soon Forgotten" in http("GET", "/").text
    http("DELETE", path(clip), headers=token)
    assert "Soon Forgotten" not in http("GET", "/").text


def test_thousand_clips_are_added_in_order(http: Http) -> None:
    clips = [{**NEW, "title": f"Clip {number}"} for number in range(1000)]
    response = http("POST", "/api/v1/clips/bulk", json=clips)
    assert response.status_code == 201
    assert [made["title"] for made in response.json()] == [clip["title"] for clip in clips]
    assert Clip.objects.count() == 1000


def test_number_of_statements_does_not_depend_on_the_number_of_clips(
    client: Client, transactional_db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    clips = [{**NEW, "audio_url": f"https://example.com/{n}"} for n in range(100)]
    with django_assert_num_queries(4):  # BEGIN, INSERT, COMMIT, and a look for clips of these URLs
        client.post("/api/v1/clips/bulk", clips, content_type="application/json")
    with django_assert_num_queries(7):  # BEGIN, INSERT, COMMIT for what was found
        client.post("/api/v1/clips/bulk", clips, content_type="application/json")


def test_all_clips_are_added_or_none(http: Http) -> None:
    clips = [NEW, {**NEW, "title": ""}, NEW, {**NEW, "duration": -1, "genre": None}, 5]
    response = http("POST", "/api/v1/clips/bulk", json=clips)
    found = response.json()
    assert (response.status_code, found["code"]) == (400, "invalid_clips")
    wrong = {index: sorted(errors["codes"]) for index, errors in found["errors"].items()}
    assert wrong == {
        "1": ["title.blank"],
        "3": ["duration.min_value", "genre.null"],
        "4": ["non_field_errors.invalid"],
    }
    assert not Clip.objects.exists()


@pytest.mark.parametrize("body", [[], {}, 1001 * [NEW]])
def test_invalid_list_of_clips_is_400(http: Http, body: Any) -> None:
    response = http("POST", "/api/v1/clips/bulk", json=body)
    assert (response.status_code, faulty(response)) == (400, ["non_field_errors"])
