"""The migration that moves plays into partitions and tallies them, forwards and backwards."""

from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.plays.conftest import Run, migrate

PLAYS = "SELECT id, clip_id, played_at FROM library_playevent ORDER BY id"
# Two clips. One is played every 12 hours and 7 minutes for five months, in the last microsecond of
# a year, and now.
SEED = """
INSERT INTO library_clip (
    title, description, genre, duration, audio_url, audio_file, play_count, created_at, updated_at
) SELECT 'Clip', '', 'ambient', 9, 'http://a.example/a.mp3', '', 0, now(), now()
FROM generate_series(1, 2);
INSERT INTO library_playevent (clip_id, played_at)
SELECT min(library_clip.id), played_at FROM library_clip, (
    SELECT generate_series(
        '2025-10-31T22:00Z'::timestamptz, '2026-04-01T02:00Z', '12 hours 7 minutes'
    ) AS played_at
    UNION SELECT '2025-12-31T23:59:59.999999Z' UNION SELECT now()
) AS times GROUP BY played_at ORDER BY played_at;
UPDATE library_clip SET play_count = (
    SELECT count(*) FROM library_playevent WHERE clip_id = library_clip.id
);
"""
QUARTER = "to_timestamp(floor(extract(epoch FROM played_at) / 900) * 900)"
TALLIED = {
    "SELECT clip_id, quarter, plays FROM library_playtally": (
        f"SELECT clip_id, {QUARTER}, count(*) FROM library_playevent GROUP BY 1, 2"
    ),
    "SELECT clip_id, day::text, client, referrer, plays, listeners FROM library_audiencetally": (
        "SELECT clip_id, to_char(played_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), 'other', '',"
        " count(*), 0 FROM library_playevent GROUP BY 1, 2"
    ),
    "SELECT quarter, sum(plays) FROM library_librarytally GROUP BY 1": (
        f"SELECT {QUARTER}, count(*) FROM library_playevent GROUP BY 1"
    ),
    "SELECT play_count, first_played_at, last_played_at FROM library_clip": (
        "SELECT count(played_at), min(played_at), max(played_at) FROM library_clip"
        " LEFT JOIN library_playevent ON library_clip.id = clip_id GROUP BY library_clip.id"
    ),
}


@pytest.fixture
def before(scratch: BaseDatabaseWrapper, run: Run) -> list[tuple[Any, ...]]:
    """Fill a library at the previous migration, and return its plays."""
    migrate(scratch, "0001_initial")
    run(SEED)
    return run(PLAYS)


def test_each_play_moves_to_the_partition_of_its_month(
    scratch: BaseDatabaseWrapper, run: Run, before: list[tuple[Any, ...]]
) -> None:
    migrate(scratch, "0002_plays")
    assert run(PLAYS) == before
    in_another_partition = (
        "SELECT count(*) FROM library_playevent WHERE tableoid::regclass::text"
        " <> 'library_playevent_' || to_char(played_at AT TIME ZONE 'UTC', 'YYYY_MM')"
    )
    assert run(in_another_partition) == [(0,)]
    expected = run(
        "SELECT 'library_playevent_' || to_char(generate_series(timestamp '2025-10-01',"
        " (now() AT TIME ZONE 'UTC') + interval '2 months', '1 month'), 'YYYY_MM')"
    )
    made = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE"
    assert run(f"{made} inhparent = 'library_playevent'::regclass ORDER BY 1") == expected


def test_tallies_equal_the_plays(
    scratch: BaseDatabaseWrapper, run: Run, before: list[tuple[Any, ...]]
) -> None:
    migrate(scratch, "0002_plays")
    for tallied, counted in TALLIED.items():
        assert sorted(run(tallied)) == sorted(run(counted)) != []


def test_reversal_keeps_every_play_including_later_ones(
    scratch: BaseDatabaseWrapper, run: Run, before: list[tuple[Any, ...]]
) -> None:
    migrate(scratch, "0002_plays")
    run(
        "INSERT INTO library_playevent (clip_id, played_at, kind, client, referrer)"
        " SELECT min(id), now(), 'ranged', 'browser', 'a.example' FROM library_clip"
    )
    plays = run(PLAYS)
    assert plays[-1][0] == before[-1][0] + 1
    migrate(scratch, "0001_initial")
    assert run(PLAYS) == plays


def test_reversal_restores_the_schema_of_the_previous_migration(
    scratch: BaseDatabaseWrapper, run: Run, before: list[tuple[Any, ...]]
) -> None:
    shape = (
        "SELECT attname, atttypid::regtype, attnotnull, attidentity FROM pg_attribute"
        " WHERE attrelid = 'library_playevent'::regclass AND attnum > 0 ORDER BY 1"
    )
    indexes = "SELECT indexdef FROM pg_indexes WHERE indexname = 'play_event_clip_played_at'"
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    made = [run(sql) for sql in (shape, indexes, tables)]
    migrate(scratch, "0002_plays", "0001_initial")
    assert [run(sql) for sql in (shape, indexes, tables)] == made


def test_migration_can_be_applied_again_after_its_reversal(
    scratch: BaseDatabaseWrapper, run: Run, before: list[tuple[Any, ...]]
) -> None:
    migrate(scratch, "0002_plays", "0001_initial", "0002_plays")
    assert run(PLAYS) == before
    assert run("SELECT sum(plays) FROM library_playtally") == [(len(before),)]


def test_library_without_plays_migrates_forwards_and_backwards(
    scratch: BaseDatabaseWrapper, run: Run
) -> None:
    migrate(scratch, "0002_plays", "0001_initial", "0002_plays")
    assert run(PLAYS) == []
    partitions = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'library_playevent'::regclass"
    assert run(partitions) == [(3,)]
