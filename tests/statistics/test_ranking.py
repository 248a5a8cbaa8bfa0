"""The ranking of clips by plays, and its cache, which renews itself without blocking readers."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from django.db import connection
from django.utils import timezone

from library.models import Clip
from library.statistics.orders import TOP, Ranking, Ranks
from library.statistics.ranking import KeptRanking
from tests.support.plays import add_plays, every

Http = Callable[..., requests.Response]
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
LONG = 60.0  # seconds


@pytest.fixture
def slow(make_clip: Callable[..., Clip]) -> KeptRanking:
    """A cached ranking of one play that is due for renewal and slow enough to renew in a thread."""
    add_plays(make_clip(), [LONG_AGO])
    ranking = KeptRanking()
    ranking.renew()
    ranking._took, ranking._due = 1.0, 0.0
    return ranking


def made(ranking: KeptRanking) -> Ranking:
    """Return the ranking, which exists."""
    found = ranking.get(LONG)
    assert found is not None
    return found


@contextmanager
def tallies_locked() -> Iterator[None]:
    """Block every ranking until the end of this context."""
    other = connection.copy()
    other.set_autocommit(False)
    try:
        other.cursor().execute("LOCK TABLE library_playtally")
        yield
    finally:
        other.rollback()
        other.close()


@contextmanager
def tallies_gone() -> Iterator[None]:
    """Make every ranking fail."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE library_playtally RENAME TO away")
        try:
            yield
        finally:
            cursor.execute("ALTER TABLE away RENAME TO library_playtally")


def await_renewal(ranking: KeptRanking) -> None:
    """Wait for the thread that renews the ranking."""
    with ranking._lock:
        pass


def test_equal_plays_share_a_rank_and_unplayed_clips_have_none() -> None:
    ranks = Ranks([(2, 9), (1, 5), (3, 5), (5, 1)], [(9, 1), (5, 2), (1, 1)])
    assert [ranks.rank(plays) for plays in (9, 5, 1, 0)] == [1, 2, 4, None]


def test_clip_played_since_the_ranking_gets_a_rank() -> None:
    ranks = Ranks([(2, 9), (1, 5)], [(9, 1), (5, 1)])
    assert [ranks.rank(plays) for plays in (10, 6, 4)] == [1, 2, 3]


def test_order_without_plays_ranks_the_first_play_first() -> None:
    assert Ranks(None, None).rank(1) == 1


def test_top_contains_the_first_hundred_and_ties_are_in_the_order_of_their_ids(
    make_clip: Callable[..., Clip],
) -> None:
    clips = [make_clip(play_count=1 + n // 2) for n in range(TOP + 10)]
    expected = sorted(clips, key=lambda clip: (-clip.play_count, clip.pk))[:TOP]
    top = made(KeptRanking()).orders["all_time"].top
    assert top == [(clip.pk, clip.play_count) for clip in expected]


def test_each_window_has_its_own_ranking(make_clip: Callable[..., Clip]) -> None:
    once, lately = make_clip(), make_clip()
    add_plays(once, every(timedelta(hours=1), LONG_AGO, 5))
    add_plays(lately, [timezone.now() - timedelta(hours=2), timezone.now() - timedelta(days=9)])
    orders = made(KeptRanking()).orders
    assert orders["all_time"].top == [(once.pk, 5), (lately.pk, 2)]
    assert orders["last_24_hours"].top == [(lately.pk, 1)]
    assert orders["last_7_days_before"].top == [(lately.pk, 1)]
    assert orders["last_30_days"].top == [(lately.pk, 2)]


def test_hidden_clips_have_no_place_in_any_order(make_clip: Callable[..., Clip]) -> None:
    for state in ({"state": "draft"}, {"state": "withdrawn"}, {"deleted_at": LONG_AGO}):
        add_plays(make_clip(**state), [timezone.now()])
    ranking = made(KeptRanking())
    assert {tuple(order.top) for order in ranking.orders.values()} == {()}
    assert ranking.rank("all_time", 1) == 1


def test_ranking_is_cached_until_it_is_forgotten(clip: Clip) -> None:
    ranking = KeptRanking()
    first = made(ranking)
    ranking._due = float("inf")
    add_plays(clip, [LONG_AGO])
    assert ranking.get() is first
    ranking.forget()
    assert made(ranking).orders["all_time"].top == [(clip.pk, 1)]


def test_quick_ranking_is_renewed_before_it_is_returned(clip: Clip) -> None:
    ranking = KeptRanking()
    ranking.renew()
    ranking._took = ranking._due = 0.0
    add_plays(clip, [LONG_AGO])
    assert made(ranking).orders["all_time"].top == [(clip.pk, 1)]


def test_first_ranking_is_made_while_callers_get_none(clip: Clip) -> None:
    ranking = KeptRanking()
    with tallies_locked():
        threads = threading.active_count()
        assert [ranking.get() for _ in range(5)] == [None] * 5
        assert threading.active_count() == threads + 1
    await_renewal(ranking)
    assert ranking.get() is not None


def test_outdated_ranking_is_not_returned(slow: KeptRanking) -> None:
    old = slow._ranking
    slow._made_at = float("-inf")
    with tallies_locked():
        assert slow.get() is None
    assert made(slow) is not old


def test_slow_ranking_is_renewed_once_in_a_thread_while_readers_get_the_old_one(
    slow: KeptRanking,
) -> None:
    old = slow._ranking
    with tallies_locked():
        threads = threading.active_count()
        assert [slow.get() for _ in range(5)] == [old] * 5
        assert threading.active_count() == threads + 1
    await_renewal(slow)
    assert slow.get() is not old


def test_failed_renewal_is_logged_and_readers_get_the_old_ranking(
    slow: KeptRanking, caplog: pytest.LogCaptureFixture
) -> None:
    old = slow._ranking
    with tallies_gone():
        assert slow.get() is old
        await_renewal(slow)
        slow._due = float("inf")  # return what is cached
        assert slow.get() is old
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_failed_renewal_is_not_repeated_at_once(slow: KeptRanking) -> None:
    with tallies_gone():
        slow.get()
        await_renewal(slow)
    assert slow._due > 0


def test_ranking_is_renewed_after_a_failure(slow: KeptRanking) -> None:
    old = slow._ranking
    with tallies_gone():
        slow.get()
        await_renewal(slow)
    slow._due = 0.0
    slow.get()
    await_renewal(slow)
    slow._due = float("inf")
    assert slow.get() is not old


def test_failure_of_the_first_ranking_is_logged(
    transactional_db: None, caplog: pytest.LogCaptureFixture
) -> None:
    ranking = KeptRanking()
    with tallies_gone():
        assert ranking.get(LONG) is None
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    ranking._due = 0.0
    assert made(ranking).orders["all_time"].top == []


def test_plays_change_the_rank_in_the_statistics_response(
    http: Http, make_clip: Callable[..., Clip]
) -> None:
    first, second = make_clip(), make_clip()
    for clip in (first, second, second):
        http("GET", f"/api/v1/clips/{clip.pk}/stream")
    played_at = datetime.now(UTC)
    found: dict[str, Any] = {"ranked_as_of": LONG_AGO.isoformat()}
    while datetime.fromisoformat(found["ranked_as_of"] or LONG_AGO.isoformat()) < played_at:
        found = http("GET", f"/api/v1/clips/{first.pk}/stats").json()
    assert (found["rank"], found["trends"]["last_7_days"]["rank"]) == (2, 2)
