"""GET /api/v1/changes."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import requests
from django.db import connection
from django.utils import timezone

from harness.service import Server
from harness.waiting import until
from library.changes import feed
from library.models import Clip, State
from tests.support.recipes import linked_clip

Http = Callable[..., requests.Response]
CHANGES = "/api/v1/changes"


def test_feed_shows_each_change_with_the_clip_as_it_is_now(http: Http) -> None:
    kept, withdrawn = linked_clip.make(_quantity=2)
    linked_clip.make(state=State.DRAFT)
    Clip.objects.filter(pk=withdrawn.pk).withdraw("Rights")
    response = http("GET", CHANGES)
    page = response.json()
    assert [(c["id"], c["change"], c["reason"]) for c in page["changes"]] == [
        (kept.pk, "published", None),
        (withdrawn.pk, "published", None),
        (withdrawn.pk, "withdrawn", "Rights"),
    ]
    assert [change["clip"] for change in page["changes"]] == [
        http("GET", f"/api/v1/clips/{kept.pk}").json(),
        None,
        None,
    ]
    assert list(page["changes"][0]) == ["seq", "id", "change", "reason", "at", "clip"]
    url = response.links["next"]["url"]
    assert page["cursor"] in url
    assert requests.get(url, timeout=9).json() == {"changes": [], "cursor": page["cursor"]}
    etag = response.headers["ETag"]
    assert http("GET", CHANGES, headers={"If-None-Match": etag}).status_code == 304


def test_pages_and_fields(http: Http) -> None:
    made = linked_clip.make(_quantity=3)
    response = http("GET", f"{CHANGES}?limit=2&fields=id,title")
    found = response.json()["changes"]
    found += requests.get(response.links["next"]["url"], timeout=9).json()["changes"]
    assert [change["clip"] for change in found] == [{"id": c.pk, "title": c.title} for c in made]


def test_latest_is_the_end_of_the_feed(http: Http) -> None:
    linked_clip.make()
    page = http("GET", f"{CHANGES}?cursor=latest").json()
    assert page == {"changes": [], "cursor": feed.end_of_feed()}
    clip = linked_clip.make()
    (change,) = http("GET", f"{CHANGES}?cursor={page['cursor']}").json()["changes"]
    assert change["id"] == clip.pk


def test_empty_library(http: Http) -> None:
    assert http("GET", CHANGES).json()["changes"] == []


def test_expired_cursor_says_where_to_restart(http: Http) -> None:
    linked_clip.make()
    response = http("GET", f"{CHANGES}?cursor=1.5&limit=7&wait=1")
    assert response.status_code == 410
    assert response.headers["Cache-Control"] == "no-store"
    body = response.json()
    assert body["code"] == "cursor_expired"
    restart = requests.get(body["restart"], timeout=9)
    assert "limit=7" in body["restart"]
    assert len(restart.json()["changes"]) == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("cursor=x", "cursor"),
        (f"cursor={2**64}.1", "cursor"),
        ("wait=31", "wait"),
        ("wait=-1", "wait"),
        ("wait=soon", "wait"),
        ("cursor=x&wait=3", "cursor"),
        ("limit=1001", "limit"),
        ("fields=nothing", "fields"),
        ("page=2", "page"),
    ],
)
def test_wrong_parameter(http: Http, query: str, field: str) -> None:
    response = http("GET", f"{CHANGES}?{query}")
    assert response.status_code == 400
    assert field in response.json()


def in_background(call: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    return thread, results


def await_poll(began: datetime) -> None:
    """Return once a service has read the number of the last change, because a request waits."""
    query = feed.LATEST[0].decode()
    statement = "SELECT FROM pg_stat_activity WHERE query = %s AND query_start > %s"

    def polls() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(statement, [query, began])
            return bool(cursor.rowcount)

    until(polls)


def test_request_waits_for_a_change(http: Http) -> None:
    linked_clip.make()
    cursor, began = feed.end_of_feed(), timezone.now()
    thread, results = in_background(lambda: http("GET", f"{CHANGES}?cursor={cursor}&wait=30"))
    await_poll(began)
    linked_clip.make(state=State.DRAFT)  # not a change
    clip = linked_clip.make()
    thread.join(timeout=20)
    (response,) = results
    assert [change["id"] for change in response.json()["changes"]] == [clip.pk]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("cursor={above}.1&wait=30", 410),  # of another history, so no change ends the wait
        ("wait=1&" + "&".join(f"x{number}=1" for number in range(101)), 400),
    ],
)
def test_request_that_is_refused_does_not_wait(http: Http, query: str, status: int) -> None:
    linked_clip.make()
    response = http("GET", f"{CHANGES}?{query.format(above=feed.latest() + 1_000)}")
    assert response.status_code == status
    assert response.elapsed.total_seconds() < 20


def test_wait_ends_without_a_change(http: Http) -> None:
    linked_clip.make()
    cursor = feed.end_of_feed()
    response = http("GET", f"{CHANGES}?cursor={cursor}&wait=1")
    assert response.json() == {"changes": [], "cursor": cursor}
    assert response.elapsed.total_seconds() >= 1


def test_stopping_service_answers_those_who_wait(start_server: Callable[..., Server]) -> None:
    linked_clip.make()
    server = start_server()
    cursor = feed.end_of_feed()
    url = f"http://127.0.0.1:{server.port}{CHANGES}?cursor={cursor}&wait=30"
    began = timezone.now()
    thread, results = in_background(lambda: requests.get(url, timeout=60))
    await_poll(began)
    server.terminate()
    assert server.wait() == 0
    thread.join(timeout=20)
    assert results[0].json()["changes"] == []
    assert (timezone.now() - began).total_seconds() < 30
