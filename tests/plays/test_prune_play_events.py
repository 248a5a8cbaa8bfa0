"""Dropping old play events by whole months, without stopping plays or changing counts."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from threading import Thread
from typing import Any

import pytest
import requests
from django.core.management import CommandError, call_command
from django.db import Error, connection
from django.utils import timezone

from harness.service import Server
from library.models import Clip, PlayEvent
from library.plays import partitions
from library.plays.partitions import PRUNED, Partition
from library.statistics.clip import clip_statistics
from library.statistics.period import parse_period
from tests.support.plays import add_plays, every

OLD = [Partition(date(2025, month, 1)) for month in (1, 2, 3)]
MIDDLE = datetime(2025, 3, 15, tzinfo=UTC)  # a month that contains the limit stays


def run(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def exists(month: Partition) -> bool:
    return run(f"SELECT to_regclass('{month.table}')") != [(None,)]


def prune(since: datetime = MIDDLE, **options: Any) -> str:
    """Prune older events; return the output."""
    output = StringIO()
    days = (timezone.now() - since).days
    call_command("prune_play_events", days=days, stdout=output, **options)
    return output.getvalue()


@contextmanager
def reading() -> Iterator[None]:
    """Read play events in a transaction that stays open, as a backup does."""
    other = connection.copy()
    other.set_autocommit(False)
    try:
        other.cursor().execute("SELECT count(*) FROM library_playevent")
        yield
    finally:
        other.rollback()
        other.close()


@pytest.fixture
def played(clip: Clip) -> Iterator[Clip]:
    """A clip with a play on every ninth day of a quarter of a year, and one now."""
    for month in partitions.existing():
        if month.until < timezone.now():
            run(f"DROP TABLE {month.table}")
    add_plays(clip, [*every(timedelta(days=9), OLD[0].since, 10), timezone.now()])
    yield clip
    for month in OLD:
        run(f"DROP TABLE IF EXISTS {month.table}")


def statistics(clip: Clip) -> dict[str, Any]:
    """Return the statistics of a clip without the time of their calculation."""
    now = timezone.now()
    period = parse_period("month", "2025-01-01", None, None, now)
    found = clip_statistics(clip.pk, period, now)
    assert found is not None
    return {key: value for key, value in found.items() if key not in ("as_of", "ranked_as_of")}


def test_dry_run_lists_events_and_sizes_and_drops_nothing(played: Clip) -> None:
    months = partitions.existing()
    lines = prune(dry_run=True).splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "Would drop library_playevent_2025_01: 4 events",
        "Would drop library_playevent_2025_02: 3 events",
    ]
    assert all(line.endswith("\xa0KB") for line in lines)
    assert partitions.existing() == months


def test_only_whole_months_are_dropped(played: Clip) -> None:
    assert prune().count("Dropped library_playevent_2025_0") == 2
    assert [exists(month) for month in OLD] == [False, False, True]
    assert PlayEvent.objects.count() == 4


def test_counts_and_statistics_do_not_change(played: Clip) -> None:
    before = statistics(played)
    prune(timezone.now() - timedelta(days=2))
    assert PlayEvent.objects.filter(played_at__lt=MIDDLE).count() == 0
    assert statistics(played) == before
    assert before["play_count"] == before["period"]["plays"] == 11


def test_month_whose_tallies_differ_from_its_events_is_kept(played: Clip) -> None:
    run("UPDATE library_playtally SET plays = 2 WHERE quarter = '2025-02-06T00:00Z'")
    with pytest.raises(CommandError, match="2025-02 differ from its events"):
        prune()
    assert [exists(month) for month in OLD] == [False, True, True]


def test_output_says_that_there_is_nothing_to_drop(played: Clip) -> None:
    assert prune(OLD[0].since) == "Nothing to drop.\n"


@pytest.mark.parametrize("days", [1, 0, -5])
def test_events_of_the_last_days_are_never_dropped(played: Clip, days: int) -> None:
    with pytest.raises(CommandError, match="at least 2"):
        call_command("prune_play_events", days=days)


def test_partitions_of_coming_months_are_created(played: Clip) -> None:
    last = partitions.existing()[-1]
    run(f"DROP TABLE {last.table}")
    assert f"Created {last.table}\n" in prune()
    assert partitions.existing()[-1] == last


def test_prune_interrupted_while_waiting_for_a_reader_can_be_resumed(played: Clip) -> None:
    run("SET statement_timeout = '200ms'")
    with reading(), pytest.raises(Error):
        partitions.drop(OLD[0])
    run("SET statement_timeout = 0")
    assert exists(OLD[0])
    assert OLD[0] not in partitions.existing()
    prune()
    assert [exists(month) for month in OLD] == [False, False, True]


def test_prune_interrupted_before_its_last_step_can_be_resumed(played: Clip) -> None:
    run(f"COMMENT ON TABLE {OLD[0].table} IS '{PRUNED}'")
    run(f"ALTER TABLE library_playevent DETACH PARTITION {OLD[0].table}")
    prune()
    assert [exists(month) for month in OLD] == [False, False, True]


def test_partition_detached_by_an_operator_is_kept(played: Clip) -> None:
    run(f"ALTER TABLE library_playevent DETACH PARTITION {OLD[0].table}")
    prune()
    assert [exists(month) for month in OLD] == [True, False, True]
    assert run(f"SELECT count(*) FROM {OLD[0].table}") == [(4,)]


def test_plays_continue_while_pruning_waits_for_a_reader(server: Server, played: Clip) -> None:
    """A lock that waited for the reader would block all plays."""

    def prune_in_a_thread() -> None:
        try:
            prune()
        finally:
            connection.close()

    pruning = Thread(target=prune_in_a_thread)
    with reading():
        pruning.start()
        while run("SELECT 1 FROM pg_inherits WHERE inhdetachpending") == []:
            assert pruning.is_alive()
        statuses = [listen(server, played) for _ in range(5)]
        assert pruning.is_alive()
    pruning.join()
    assert statuses == [200] * 5
    assert [exists(month) for month in OLD] == [False, False, True]


def test_plays_during_a_prune_are_counted(server: Server, played: Clip) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = pool.map(lambda _: listen(server, played), range(60))
        prune()
        assert set(statuses) == {200}
    output = StringIO()
    call_command("check_plays", stdout=output)
    assert output.getvalue() == "Counters, tallies and events agree.\n"
    assert statistics(played)["play_count"] == 71


def listen(server: Server, clip: Clip) -> int:
    url = f"{server.url}/api/v1/clips/{clip.pk}/stream"
    return requests.get(url, timeout=30).status_code
