"""Listens that have ended are added up by day, and statistics do not change by that."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from library.listens import folding
from library.listens.record import Outcome
from library.models import Clip, Listen, ListenTally
from tests.support import recipes
from tests.support.listens import Player, heard_of, make_older


def hear(clip: Clip, *ends: float) -> list[Player]:
    """Add a listen for each end, which heard the clip from its start to there."""
    players = [Player(clip) for _ in ends]
    for player, end in zip(players, ends, strict=True):
        player.report(0)
        player.report(end, "paused", after=end)
    return players


def test_nothing_was_heard_at_first(db: None) -> None:
    assert heard_of(recipes.make_clip()) == {
        "listens": 0,
        "seconds": 0,
        "median_share": None,
        "retention": [0] * 20,
    }


def test_folding_changes_no_statistics(db: None) -> None:
    first, second = recipes.make_clip(duration=1000), recipes.make_clip(duration=500)
    hear(first, 100, 250, 1000)
    hear(second, 500)
    make_older(hours=25)
    hear(first, 700, 0)
    before = heard_of(first), heard_of(second)
    assert before[0]["listens"] == 5
    assert before[0]["median_share"] == 0.25
    assert before[0]["retention"] == [0.8] * 2 + [0.6] * 3 + [0.4] * 9 + [0.2] * 6
    assert folding.fold() == 4
    assert Listen.objects.count() == 2
    assert (heard_of(first), heard_of(second)) == before
    make_older(hours=25)  # the others, to days that may have a row already
    before = heard_of(first), heard_of(second)
    assert folding.fold() == 2
    assert (heard_of(first), heard_of(second)) == before
    assert folding.fold() == 0


def test_median_of_an_even_number_is_between_the_two_in_the_middle(db: None) -> None:
    clip = recipes.make_clip(duration=1000)
    hear(clip, 100, 200, 600, 900)
    assert heard_of(clip)["median_share"] == 0.4


def test_listens_belong_to_the_day_of_their_first_report(db: None) -> None:
    clip = recipes.make_clip(duration=1000)
    hear(clip, 500)
    make_older(days=3)
    listen = Listen.objects.get()
    day = f"{listen.began_at:%Y-%m-%d}"
    for _ in range(2):
        assert heard_of(clip, since=day, until=f"{day}T23:59:59Z")["listens"] == 1
        assert heard_of(clip, until=day)["listens"] == 0
        folding.fold()
    assert ListenTally.objects.get().day == listen.began_at.date()


def test_session_is_valid_for_a_day(db: None) -> None:
    clip = recipes.make_clip(duration=1000)
    (player,) = hear(clip, 100)
    make_older(hours=23, minutes=59)
    assert player.report(200) == Outcome.CONTINUED
    make_older(minutes=2)
    assert player.report(300, after=100) == Outcome.ENDED
    assert heard_of(clip)["seconds"] == pytest.approx(100, abs=0.5)


def test_two_workers_add_each_listen_once(
    make_clip: Callable[..., Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "AT_ONCE", 7)
    clips = [make_clip(duration=1000) for _ in range(3)]
    for clip in clips:
        hear(clip, *range(100, 700, 50))
    make_older(hours=25)
    before = [heard_of(clip) for clip in clips]

    def fold(_: int) -> int:
        try:
            return folding.fold()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        folded = sum(pool.map(fold, range(2)))
    assert folded + folding.fold() == 36
    assert not Listen.objects.exists()
    assert [heard_of(clip) for clip in clips] == before
