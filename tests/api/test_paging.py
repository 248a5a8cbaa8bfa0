"""Keyset pagination: complete pages in both directions, read from an index."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import chain
from operator import attrgetter
from typing import Any

import pytest
import requests
from django.core import signing
from django.db import connection

from library.api.filters import matching
from library.api.pagination import statement_of
from library.api.sorting import ORDERINGS, Order, Place
from library.models import Clip
from tests.support.field_errors import faulty
from tests.support.lists import pages

Http = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]
CLIPS = "/api/v1/clips"
# The order by recent plays has tests of its own.
NAMES = [sign + name for name in ORDERINGS if name != "recent_plays" for sign in ("", "-")]


@pytest.fixture
def tied(make_clip: MakeClip) -> list[Clip]:
    """Nine clips with three values in each column that a list is ordered by."""
    return [
        make_clip(
            title=("ambient", "Ambient", "BETA")[n % 3],
            description="ambient " * (n % 3),
            duration=(0.1, 1 / 3, 28.5)[n % 3],
            play_count=(0, 5, 2**62)[n % 3],
            created_at=datetime(2026, 1, 1 + n % 3, microsecond=n % 3, tzinfo=UTC),
            updated_at=datetime(2026, 2, 1 + n % 3, microsecond=n % 3, tzinfo=UTC),
        )
        for n in range(9)
    ]


@pytest.mark.parametrize("ordering", NAMES)
def test_each_clip_is_on_one_page_in_order(http: Http, tied: list[Clip], ordering: str) -> None:
    name = ordering.removeprefix("-")
    by: Any = (lambda clip: clip.title.lower()) if name == "title" else attrgetter(name)
    tied.sort(key=lambda clip: (by(clip), clip.pk), reverse=ordering.startswith("-"))
    expected = [clip.pk for clip in tied]
    assert [*chain(*pages(http, f"ordering={ordering}&limit=2"))] == expected


@pytest.mark.parametrize("sign", ["%2B", "+"])
def test_order_may_have_a_plus(http: Http, tied: list[Clip], sign: str) -> None:
    expected = pages(http, "ordering=updated_at&limit=2")
    assert pages(http, f"ordering={sign}updated_at&limit=2") == expected


@pytest.mark.parametrize("query", ["", "ordering=-play_count", "ordering=title", "search=amb"])
def test_prev_links_lead_over_the_same_pages(http: Http, tied: list[Clip], query: str) -> None:
    forth = pages(http, f"{query}&limit=2")
    url = f"{CLIPS}?{query}&limit=2"
    while following := http("GET", url).links.get("next"):
        url = CLIPS + "?" + following["url"].partition("?")[2]
    back = pages(http, url.partition("?")[2], "prev")
    assert back == forth[::-1]
    assert len(forth) > 2


def test_search_returns_each_match_once_with_the_best_first(http: Http, tied: list[Clip]) -> None:
    found = [*chain(*pages(http, "search=ambient&limit=2"))]
    # Matches in title; in title and description; in description only. Newer clips first.
    ids = [clip.pk for clip in tied]
    assert found == [*ids[1::3][::-1], *ids[0::3][::-1], *ids[2::3][::-1]]


def test_clips_added_while_paging_do_not_disturb_pages(
    http: Http, make_clip: MakeClip, tied: list[Clip]
) -> None:
    first = http("GET", f"{CLIPS}?ordering=title&limit=4")
    for title in ("AAA", "ambient", "zzz"):
        make_clip(title=title)
    rest = pages(http, first.links["next"]["url"].partition("?")[2])
    found = [clip["id"] for clip in first.json()] + [*chain(*rest)]
    by_title = sorted(tied, key=lambda clip: (clip.title.lower(), clip.pk))
    assert [pk for pk in found if pk <= tied[-1].pk] == [clip.pk for clip in by_title]


def test_links_keep_the_query_and_include_the_first_page(http: Http, tied: list[Clip]) -> None:
    query = "genre=ambient&genre=caf%C3%A9&limit=3&ordering=-id"
    second = http("GET", f"{CLIPS}?{query}").links["next"]["url"].partition("?")[2]
    links = http("GET", f"{CLIPS}?{second}").links
    assert set(links) == {"first", "prev", "next"}
    assert links["first"]["url"].endswith(f"{CLIPS}?{query}")


def test_page_with_all_clips_has_no_next_link(http: Http, tied: list[Clip]) -> None:
    assert http("GET", f"{CLIPS}?limit=9").links == {}


def test_cursor_of_another_order_is_400(http: Http, tied: list[Clip]) -> None:
    url = http("GET", f"{CLIPS}?limit=2&ordering=title").links["next"]["url"]
    response = http("GET", CLIPS + "?" + url.partition("?")[2].replace("=title", "=-title"))
    assert (response.status_code, faulty(response)) == (400, ["cursor"])


def test_forged_cursor_is_400(http: Http) -> None:
    forged = signing.Signer(key="guess", salt="library.api.cursor").sign_object(["id", 0, "x", 1])
    assert http("GET", f"{CLIPS}?cursor={forged}").status_code == 400


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("ordering", [name for name in NAMES if "play_count" not in name])
def test_page_is_read_from_an_index(clip: Clip, ordering: str, back: bool) -> None:
    order = Order.of({"ordering": ordering})
    moment = "2026-01-01T00:00:00Z"
    value = {"title": "x", "created_at": moment, "updated_at": moment}.get(ordering.strip("-"), 1)
    statement, values = statement_of(matching({}), order, Place(back, value, 1), ["title"], 100)
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off; SET enable_sort = off")
        cursor.execute(f"EXPLAIN {statement}", values)
        plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("RESET enable_seqscan; RESET enable_sort")
    assert "Index Cond: (ROW(" in plan or ordering.strip("-") == "id"
    assert "Sort" not in plan
    assert "Index Scan" in plan


def test_play_updates_no_index(make_clip: MakeClip) -> None:
    clip = make_clip(tags=["rain"], creator="Ann", description="words " * 200)
    seen = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname='library_clip'"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(seen)
        updates, hot = cursor.fetchone()
        for count in range(20):
            Clip.objects.filter(pk=clip.pk).update(play_count=count)
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(seen)
        assert cursor.fetchone() == (updates + 20, hot + 20)
