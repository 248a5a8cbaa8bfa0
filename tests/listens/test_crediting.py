"""Which parts of a clip count as heard, by successive reports."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from library.listens.record import Outcome
from library.models import Clip, Listen
from tests.support import recipes
from tests.support.listens import Player, heard_of

HOUR = 3600


@pytest.fixture
def clip(db: None) -> Clip:
    """A clip of an hour, so that the milliseconds between statements do not matter."""
    return recipes.make_clip(duration=HOUR)


@pytest.fixture
def player(clip: Clip) -> Player:
    return Player(clip)


def seconds(player: Player) -> tuple[float, Any]:
    """Return the length of the parts heard, and the seconds credited."""
    listen = player.listen()
    return listen.heard_length / 1000, pytest.approx(listen.credited / 1000, abs=5)


def test_part_between_two_reports_is_heard(player: Player) -> None:
    assert player.report(0) == Outcome.BEGUN
    assert player.report(100, after=100) == Outcome.CONTINUED
    assert player.report(150, "paused", after=50) == Outcome.CONTINUED
    assert seconds(player) == (150, 150)


def test_skipped_part_is_not_heard(player: Player) -> None:
    player.report(0)
    player.report(100, "paused", after=100)
    player.report(2000, after=1000)
    player.report(2100, after=100)
    assert seconds(player) == (200, 200)


def test_skip_that_is_not_reported_counts_nothing(player: Player) -> None:
    player.report(0)
    player.report(100, after=100)
    player.report(2000, after=100)
    player.report(2100, after=100)
    assert seconds(player) == (200, 200)


def test_each_part_counts_once_in_a_loop(player: Player) -> None:
    player.report(3500)
    for _ in range(3):
        player.report(3600, "paused", after=100)
        player.report(0)
        player.report(3500, after=3500)
    assert seconds(player) == (3600, 3600)


def test_paused_time_counts_nothing(player: Player) -> None:
    player.report(0)
    player.report(0, "paused")
    player.report(1000, after=HOUR)
    player.report(1000, "ended", after=HOUR)
    assert seconds(player) == (0, 0)


def test_forged_report_counts_no_more_than_the_time_that_passed(player: Player) -> None:
    player.report(0)
    player.report(HOUR)
    player.report(0)
    player.report(1000, after=600)
    assert seconds(player) == (1000, 600)
    player.report(2400, after=600)
    assert seconds(player) == (1000, 600)


def test_audio_played_at_twice_the_speed_is_heard_but_no_time_is_added(player: Player) -> None:
    player.report(0)
    player.report(3600, "ended", after=1800)
    assert seconds(player) == (3600, 1800)
    assert heard_of(player.clip)["median_share"] == 1


def test_position_after_the_end_is_the_end(player: Player) -> None:
    player.report(3000)
    player.report(9999, "ended", after=700)
    assert seconds(player) == (600, 600)


def test_measured_duration_is_used(db: None) -> None:
    clip = recipes.make_clip(duration=HOUR, audio={"duration": 1000.5})
    player = Player(clip)
    player.report(0)
    player.report(HOUR, after=1000)
    assert seconds(player) == (1000.5, 1000)


def test_duplicates_change_nothing(player: Player) -> None:
    player.report(0)
    for _ in range(3):
        player.report(100, after=100)
    for _ in range(3):
        player.report(200, "paused")
    player.report(200, "paused")
    assert seconds(player) == (100, 100)


def test_reordered_reports_count_no_more(player: Player) -> None:
    for position in (0, 200, 100, 300):
        player.report(position, after=100)
    assert seconds(player) == (400 - 100, 300 - 100)


def test_row_stays_small(player: Player) -> None:
    for position in range(0, 700, 10):
        player.report(position)
        player.report(position + 5, "paused", after=5)
    assert seconds(player) == (250, 250)
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(pg_column_size(l.*)) FROM library_listen AS l")
        assert cursor.fetchone()[0] < 1000


def expected(reports: list[tuple[int, str, int]]) -> tuple[set[int], float]:
    """Return the hundreds of seconds that are heard, and the seconds; written again in Python."""
    heard: set[int] = set()
    credited = 0.0
    for (start, state, _), (end, _, elapsed) in pairwise(reports):
        if state == "playing" and start < end and end - start <= 2.25 * elapsed:
            new = {*range(start, end, 100)} - heard
            heard |= new
            credited += min(100 * len(new), elapsed)
    return heard, credited


@pytest.mark.parametrize("seed", range(4))
def test_random_reports_count_what_a_second_program_counts(clip: Clip, seed: int) -> None:
    """And never more than the time that passed or the clip, nor less with each report."""
    dice = random.Random(seed)
    shares, all_heard, total = [], [], 0.0
    for _ in range(8):
        player = Player(clip)
        reports: list[tuple[int, str, int]] = []
        for _ in range(12):
            on = (reports[-1][0] if reports else 0) + 400
            position = dice.choice((dice.randrange(0, 3700, 100), on))
            state = dice.choice(("playing", "playing", "playing", "paused", "ended"))
            elapsed = dice.choice((0, 400, 400, 400, 800))
            reports.append((min(position, HOUR), state, elapsed))
            player.report(position, state, after=elapsed)
        heard, credited = expected(reports)
        assert seconds(player) == (100 * len(heard), credited)
        assert credited <= min(HOUR, sum(elapsed for *_, elapsed in reports[1:]))
        shares.append(len(heard) / 36)
        all_heard.append(heard)
        total += credited
    found = heard_of(clip)
    assert found["listens"] == 8
    assert found["seconds"] == pytest.approx(total, abs=20)
    assert found["median_share"] == pytest.approx(median(shares), abs=0.0051)
    assert found["retention"] == [
        pytest.approx(
            sum(_overlap(heard, 180 * n, 180 * n + 180) >= 90 for heard in all_heard) / 8, abs=1e-4
        )
        for n in range(20)
    ]


def _overlap(heard: set[int], since: int, until: int) -> int:
    return sum(max(0, min(until, start + 100) - max(since, start)) for start in heard)


def test_simultaneous_reports_of_a_session_count_once(make_clip: Callable[..., Clip]) -> None:
    player = Player(make_clip(duration=HOUR))

    def report(position: float) -> Outcome:
        try:
            return player.report(position)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        outcomes = [*pool.map(report, [0] * 16)]
        assert outcomes.count(Outcome.BEGUN) == 1
        assert outcomes.count(Outcome.CONTINUED) == 15
        Listen.objects.update(reported_at=F("reported_at") - timedelta(seconds=100))
        assert {*pool.map(report, [100] * 16)} == {Outcome.CONTINUED}
    assert seconds(player) == (100, 100)
