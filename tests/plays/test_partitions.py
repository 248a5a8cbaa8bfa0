"""The partitions of the play events: created in advance, or by a play that needs one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
import requests
from django.db import connection
from django.utils.timezone import now

from harness.service import Server
from library.models import Clip, PlayEvent
from library.plays import partitions
from library.plays.partitions import Partition
from tests.support.recipes import play

LONG_AGO = Partition(date(2019, 12, 1))


def run(sql: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def no_partitions(transactional_db: None) -> None:
    """Drop all partitions, as if months had passed without a play."""
    for month in partitions.existing():
        run(f"DROP TABLE {month.table}")


@pytest.mark.parametrize(
    ("moment", "table"),
    [
        (datetime(2025, 12, 31, 23, 59, 59, 999999, UTC), "library_playevent_2025_12"),
        (datetime(2026, 1, 1, tzinfo=UTC), "library_playevent_2026_01"),
        (
            datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))),
            "library_playevent_2025_12",
        ),
    ],
)
def test_play_is_stored_with_its_month_in_utc(moment: datetime, table: str) -> None:
    assert partitions.of(moment).table == table


def test_january_follows_december() -> None:
    december = Partition(date(2025, 12, 1))
    assert december.after() == Partition(date(2026, 1, 1))
    assert (december.since, december.until) == (
        datetime(2025, 12, 1, tzinfo=UTC),
        datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_this_month_and_the_next_two_are_created_in_advance(no_partitions: None) -> None:
    this = partitions.of(now())
    expected = [this, this.after(), this.after().after()]
    assert partitions.make_ahead() == expected == partitions.existing()
    assert partitions.make_ahead() == []


def test_partition_contains_only_the_plays_of_its_month(clip: Clip) -> None:
    partitions.make(LONG_AGO)
    partitions.make(LONG_AGO.after())
    for moment in (LONG_AGO.since, LONG_AGO.until - timedelta(microseconds=1), LONG_AGO.until):
        play.make(clip=clip, played_at=moment)
    assert run(f"SELECT count(*) FROM {LONG_AGO.table}") == [(2,)]
    assert run(f"SELECT count(*) FROM {LONG_AGO.after().table}") == [(1,)]


def test_partition_has_the_indexes_and_options_of_the_migration(transactional_db: None) -> None:
    partitions.make(LONG_AGO)
    made, migrated = (
        run(
            "SELECT relispartition, reloptions, (SELECT array_agg(regexp_replace("
            " pg_get_indexdef(indexrelid), 'INDEX .* ON \\S+', '') ORDER BY indisprimary)"
            f" FROM pg_index WHERE indrelid = pg_class.oid) FROM pg_class WHERE relname = '{name}'"
        )
        for name in (LONG_AGO.table, partitions.of(now()).table)
    )
    assert made == migrated


def test_concurrent_calls_create_a_partition_once(no_partitions: None) -> None:
    def make(_: int) -> bool:
        try:
            return partitions.make(LONG_AGO)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(make, range(8)))
    assert sorted(made) == [False] * 7 + [True]
    assert partitions.existing() == [LONG_AGO]


def test_play_creates_a_missing_partition(server: Server, clip: Clip, no_partitions: None) -> None:
    def listen(_: int) -> int:
        url = f"{server.url}/api/v1/clips/{clip.pk}/stream"
        return requests.get(url, timeout=30).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(listen, range(32))) == {200}
    clip.refresh_from_db()
    assert clip.play_count == PlayEvent.objects.count() == 32
    assert len(partitions.existing()) == 3
