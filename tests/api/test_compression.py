"""JSON is compressed on request, with an ETag of its own; audio never is."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from library.api.negotiation import SMALLEST
from library.models import Clip
from tests.support.editors import bearer, editor

Http = Callable[..., requests.Response]
CLIPS = "/api/v1/clips"
GZIP = {"Accept-Encoding": "gzip"}
# Django answers a request with a cookie; the event loop keeps no such answer.
PAST_THE_FRONT = {"Cookie": "a=b"}


@pytest.fixture
def clips(make_clip: Callable[..., Clip]) -> Clip:
    """Enough clips for a list that is worth compressing."""
    first, *_ = [make_clip(description="Rain on a roof of slate. " * 60) for _ in range(3)]
    return first


def without_time(answer: Any) -> Any:
    """Return statistics without the times of their numbers, which differ between processes."""
    if not isinstance(answer, dict):
        return answer
    times = dict.fromkeys(("as_of", "ranked_as_of"))
    return {name: without_time(value) for name, value in (answer | times).items()}


@pytest.mark.parametrize("headers", [{}, PAST_THE_FRONT])
@pytest.mark.parametrize("path", [CLIPS, "one", "one/stats", "/api/v1/stats", "/openapi.json"])
def test_json_is_compressed_on_request(
    http: Http, clips: Clip, path: str, headers: dict[str, str]
) -> None:
    path = path.replace("one", f"{CLIPS}/{clips.pk}")
    for _ in range(4):  # the second time, a process may send an answer that it keeps
        plain, small = (http("GET", path, headers={**headers, **more}) for more in ({}, GZIP))
        assert "Content-Encoding" not in plain.headers
        assert small.headers["Content-Encoding"] == "gzip"
        assert int(small.headers["Content-Length"]) < int(plain.headers["Content-Length"])
        assert without_time(small.json()) == without_time(plain.json())
        for answer in (plain, small):
            assert "Accept-Encoding" in answer.headers["Vary"]


@pytest.mark.parametrize("path", [CLIPS, "one"])
def test_each_coding_has_a_strong_etag_of_its_own(http: Http, clips: Clip, path: str) -> None:
    path = path.replace("one", f"{CLIPS}/{clips.pk}")
    for _ in range(4):
        plain, small = (http("GET", path, headers=more).headers["ETag"] for more in ({}, GZIP))
        assert small == f'{plain[:-1]}-gzip"'
        for etag, coding, status in (
            (plain, {}, 304),
            (small, GZIP, 304),
            (f"W/{small}", GZIP, 304),
            (plain, GZIP, 200),
            (small, {}, 200),
        ):
            answer = http("GET", path, headers={"If-None-Match": etag, **coding})
            assert answer.status_code == status
            assert "Accept-Encoding" in answer.headers["Vary"]


def test_compressed_answer_shows_every_play(http: Http, clips: Clip) -> None:
    for count in range(1, 9):
        http("GET", f"{CLIPS}/{clips.pk}/stream")
        assert http("GET", CLIPS, headers=GZIP).json()[0]["play_count"] == count


def test_head_has_the_length_of_the_compressed_body(http: Http, clips: Clip) -> None:
    body, head = (http(method, CLIPS, headers=GZIP).headers for method in ("GET", "HEAD"))
    assert head["Content-Length"] == body["Content-Length"]
    assert head["ETag"] == body["ETag"]


def test_tag_of_a_compressed_clip_protects_a_change(http: Http, clips: Clip) -> None:
    etag = http("GET", f"{CLIPS}/{clips.pk}", headers=GZIP).headers["ETag"]
    headers = {**bearer(editor()), "If-Match": etag}
    path, body = f"{CLIPS}/{clips.pk}", {"title": "Other"}
    assert http("PATCH", path, json=body, headers=headers).status_code == 200
    assert http("PATCH", path, json=body, headers=headers).status_code == 412


def test_small_body_is_not_compressed(http: Http, clip: Clip) -> None:
    answer = http("GET", f"{CLIPS}?fields=id,title", headers=GZIP)
    assert "Content-Encoding" not in answer.headers
    assert len(answer.content) < SMALLEST


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_stream_is_never_compressed(http: Http, clip: Clip, mp3: bytes, method: str) -> None:
    answer = http(method, f"{CLIPS}/{clip.pk}/stream", headers=GZIP)
    assert "Content-Encoding" not in answer.headers
    assert int(answer.headers["Content-Length"]) == len(mp3)


def test_page_with_a_form_is_never_compressed(http: Http) -> None:
    assert "Content-Encoding" not in http("GET", "/admin/login/", headers=GZIP).headers
