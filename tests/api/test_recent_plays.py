"""The order by plays of the last 30 days."""

from collections.abc import Callable
from datetime import timedelta
from itertools import chain

import pytest
import requests
from django.db import connection
from django.test import Client
from django.utils import timezone

from harness.waiting import until
from library.api.filters import matching
from library.api.pagination import statement_of
from library.api.sorting import Order, Place
from library.models import Clip, PlayTally, RecentPlays
from library.statistics.recent_plays import LOCK, recent_plays, write_recent_plays
from tests.support.lists import kept_by, pages

Http = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]
CLIPS = "/api/v1/clips"


def tally(clip: Clip, plays: int, days: float = 0) -> None:
    quarter = (timezone.now() - timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
    PlayTally.objects.create(clip=clip, quarter=quarter, plays=plays, people=0)


@pytest.fixture
def played(make_clip: MakeClip) -> list[int]:
    """Return the ids of nine clips in the order by recent plays, the most first."""
    clips = [make_clip(title=f"{n}", play_count=n) for n in range(9)]
    for clip, plays in ((clips[4], 7), (clips[2], 7), (clips[7], 1), (clips[5], 3)):
        tally(clip, plays)
    tally(clips[5], 2, days=29)
    tally(clips[8], 99, days=31)
    recent_plays.forget()
    return [clips[n].pk for n in (4, 2, 5, 7, 8, 6, 3, 1, 0)]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 8, 9, 100])
def test_each_clip_is_on_one_page_in_both_directions(
    http: Http, played: list[int], limit: int
) -> None:
    write_recent_plays()
    for query, expected in (
        (f"ordering=-recent_plays&limit={limit}", played),
        (f"ordering=recent_plays&limit={limit}", played[::-1]),
    ):
        forth = pages(http, query)
        assert [*chain(*forth)] == expected
        url = f"{CLIPS}?{query}"
        while following := http("GET", url).links.get("next"):
            url = CLIPS + "?" + following["url"].partition("?")[2]
        assert pages(http, url.partition("?")[2], "prev") == forth[::-1]


def test_order_follows_plays_soon(http: Http, make_clip: MakeClip) -> None:
    quiet, loud = make_clip(), make_clip()
    for _ in range(2):
        http("GET", f"{CLIPS}/{loud.pk}/stream")
    http("GET", f"{CLIPS}/{quiet.pk}/stream")

    def ids() -> list[int]:
        return [clip["id"] for clip in http("GET", f"{CLIPS}?ordering=-recent_plays").json()]

    until(lambda: ids() == [loud.pk, quiet.pk])
    for _ in range(2):
        http("GET", f"{CLIPS}/{quiet.pk}/stream")
    until(lambda: ids() == [quiet.pk, loud.pk])


def test_order_respects_filters_and_hides_what_is_not_public(
    client: Client, played: list[int]
) -> None:
    Clip.objects.filter(pk=played[0]).mark_deleted()
    Clip.objects.filter(pk__in=(played[2], played[6])).update(genre="jazz")
    found = client.get(f"{CLIPS}?ordering=-recent_plays").json()
    assert [clip["id"] for clip in found] == played[1:]
    found = client.get(f"{CLIPS}?ordering=-recent_plays&genre=jazz").json()
    assert [clip["id"] for clip in found] == [played[2], played[6]]


def test_table_has_only_current_sums(played: list[int]) -> None:
    RecentPlays.objects.create(clip_id=played[-1], plays=5)
    RecentPlays.objects.create(clip_id=played[0], plays=5)
    write_recent_plays()
    sums = RecentPlays.objects.order_by("-plays", "-clip_id").values_list("clip_id", "plays")
    assert [*sums] == [(played[0], 7), (played[1], 7), (played[2], 5), (played[3], 1)]
    versions = Clip.objects.values_list("updated_at", flat=True)
    before = [*versions]
    write_recent_plays()
    assert [*versions] == before


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("ordering", ["recent_plays", "-recent_plays"])
@pytest.mark.parametrize("plays", [0, 3])
def test_page_is_read_from_indexes(clip: Clip, ordering: str, plays: int, *, back: bool) -> None:
    order = Order.of({"ordering": ordering})
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off; SET enable_sort = off; SET enable_hashjoin = off")
        for part, place in order.parts(Place(back, plays, 1)):
            statement, values = statement_of(matching({}), part, place, ["title"], 100)
            cursor.execute(f"EXPLAIN {statement}", values)
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Sort" not in plan
            assert "Seq Scan" not in plan
        cursor.execute("RESET ALL")


def test_one_process_writes_at_a_time(played: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        recent_plays.renew()  # in a thread with another connection
        assert RecentPlays.objects.count() == 0
        cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    recent_plays.forget()
    recent_plays.renew()
    until(lambda: RecentPlays.objects.count() == 4)


def test_server_does_not_keep_the_order(client: Client, clip: Clip) -> None:
    assert kept_by(client, f"{CLIPS}?ordering=-recent_plays") is None
