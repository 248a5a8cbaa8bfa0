"""Answers that are kept: each shows what Django would show at that moment."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from django.db import connection
from django.utils import timezone

from clips_site.server.front.kept_answers import MAX_BYTES, OVERHEAD, KeptAnswers, _size
from clips_site.server.front.reply import Reply
from harness.service import Server
from library.models import Clip
from library.plays import rebuild
from tests.support.editors import bearer, editor

Http = Callable[..., requests.Response]
CLIPS, FACETS = "/api/v1/clips", "/api/v1/facets"
WITH_PLAYS = f"{CLIPS}?fields=title,play_count"
WITHOUT_PLAYS = f"{CLIPS}?fields=id,title,description,health"
OWN_HEADERS = {"Date", "X-Request-ID", "RateLimit"}
# Django answers a request with a cookie; the front keeps no such answer.
PAST_THE_FRONT = {"Cookie": "a=b"}
NEW = {"title": "N", "genre": "g", "duration": 2, "audio_url": "https://example.com/a.mp3"}


def play(http: Http, clip: Clip) -> None:
    assert http("GET", f"{CLIPS}/{clip.pk}/stream").status_code == 200


def post(http: Http, clip: Clip) -> None:
    assert http("POST", CLIPS, json=NEW).status_code == 201


def patch(http: Http, clip: Clip) -> None:
    headers = bearer(editor())
    path = f"{CLIPS}/{clip.pk}"
    assert http("PATCH", path, json={"title": "Other"}, headers=headers).status_code == 200


def withdraw(http: Http, clip: Clip) -> None:
    Clip.objects.filter(pk=clip.pk).withdraw("Rights expired")


def delete(http: Http, clip: Clip) -> None:
    Clip.objects.filter(pk=clip.pk).mark_deleted()


def check_source(http: Http, clip: Clip) -> None:
    Clip.objects.filter(pk=clip.pk).note_source("origin_http_error", None, None)


def execute_sql(http: Http, clip: Clip) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE library_clip SET description = 'by an operator'")


CHANGES = (play, post, patch, withdraw, delete, check_source, execute_sql)


def shown(http: Http, path: str, **headers: str) -> tuple[int, dict[str, str], Any]:
    """Return status, headers and JSON of an answer, without what belongs to one answer only."""
    answer = http("GET", path, headers=headers)
    kept = {name: value for name, value in answer.headers.items() if name not in OWN_HEADERS}
    return answer.status_code, kept, answer.json() if answer.content else None


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("path", [CLIPS, WITH_PLAYS, WITHOUT_PLAYS, "one", FACETS])
def test_next_answer_shows_the_change(
    http: Http, clip: Clip, change: Callable[[Http, Clip], None], path: str
) -> None:
    path = f"{CLIPS}/{clip.pk}" if path == "one" else path
    before = [shown(http, path) for _ in range(8)]  # each worker has kept it
    assert before[1:] == before[:-1]
    change(http, clip)
    for _ in range(8):
        assert shown(http, path) == shown(http, path, **PAST_THE_FRONT)


def test_every_play_is_in_the_next_answer(http: Http, clip: Clip) -> None:
    for count in range(1, 21):
        play(http, clip)
        assert http("GET", CLIPS).json()[0]["play_count"] == count
        assert http("GET", f"{CLIPS}/{clip.pk}").json()["play_count"] == count


def test_list_without_plays_is_kept_while_clips_are_played(http: Http, clip: Clip) -> None:
    path = f"{CLIPS}?fields=id,title"
    before = [http("GET", path) for _ in range(8)]
    for _ in range(4):
        play(http, clip)
        after = http("GET", path)
        assert (after.headers["ETag"], after.text) == (before[0].headers["ETag"], before[0].text)


def test_recount_is_in_the_next_answer(http: Http, clip: Clip) -> None:
    Clip.objects.update(play_count=7)
    for _ in range(8):
        assert http("GET", CLIPS).json()[0]["play_count"] == 7
    rebuild.recount_clips(clip.pk)
    for _ in range(8):
        assert http("GET", CLIPS).json()[0]["play_count"] == 0


@pytest.mark.parametrize("path", [CLIPS, "one"])
def test_unchanged_answer_is_304_with_the_headers_of_django(
    http: Http, clip: Clip, path: str
) -> None:
    path = f"{CLIPS}/{clip.pk}" if path == "one" else path
    etag = http("GET", path).headers["ETag"]
    for condition in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        headers = {"If-None-Match": condition}
        for _ in range(8):
            assert shown(http, path, **headers) == shown(http, path, **headers, **PAST_THE_FRONT)
            assert shown(http, path, **headers)[0] == 304
    assert http("GET", path, headers={"If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "text/html"},
        {"Accept": "application/json"},
        {"Accept": "text/html, application/json"},
        {"Origin": "https://elsewhere.example"},
        {"Host": "127.0.0.1:1"},
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example"},
        {"If-Match": '"x"'},
        {"Authorization": "Bearer wrong"},
    ],
)
def test_kept_answer_is_only_for_equal_requests(
    http: Http, clip: Clip, headers: dict[str, str]
) -> None:
    for _ in range(8):
        http("GET", CLIPS)
    for _ in range(4):
        assert shown(http, CLIPS, **headers) == shown(http, CLIPS, **headers, **PAST_THE_FRONT)


def test_rate_limit_includes_kept_answers(start_server: Callable[..., Server], clip: Clip) -> None:
    server = start_server(WEB_CONCURRENCY="1", CLIPS_THROTTLE="on", CLIPS_THROTTLE_READS="200")
    started = timezone.now()
    answers = [requests.get(server.url + CLIPS, timeout=20) for _ in range(230)]
    if timezone.now().minute != started.minute:
        return  # a new minute began a new count
    statuses = [answer.status_code for answer in answers]
    assert statuses[:200] == [200] * 200
    assert statuses[205:] == [429] * 25  # a process may exceed the limit by a few requests
    left = [int(a.headers["RateLimit"].split(";")[1].removeprefix("r=")) for a in answers[:200]]
    assert left == list(range(199, -1, -1))


@pytest.mark.parametrize("part", range(4))
def test_keys_and_headers_count_for_the_memory_of_kept_answers(part: int) -> None:
    kept = KeptAnswers(None, None)  # type: ignore[arg-type]
    headers = (("ETag", '"a"'), ("Link", "x" * 100_000 if part == 3 else ""))
    for number in range(1000):
        key = tuple(f"{number}" + "x" * 10_000 * (place == part) for place in range(3))
        kept._keep(key, 1, Reply(200, headers, b"[]"))
        kept._keep(key, 1, Reply(304, headers))
    sizes = [_size(*item) for item in kept._kept.items()]
    assert 0 < kept._size == sum(sizes) <= MAX_BYTES
    assert len(sizes) < 1000 or part != 3


def test_number_of_kept_answers_is_limited() -> None:
    kept = KeptAnswers(None, None)  # type: ignore[arg-type]
    for number in range(MAX_BYTES // OVERHEAD):
        kept._keep((f"{number}",), 1, Reply(200, (("ETag", '"a"'),), b""))
    assert len(kept._kept) < MAX_BYTES // OVERHEAD
