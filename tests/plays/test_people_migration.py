"""The migration that counts plays by people, while processes of the last version record plays."""

import json
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from library.models.play import PEOPLE
from tests.plays.conftest import Run, migrate
from tests.support.database import await_blocked_transaction

BEFORE, AFTER = "0021_clip_indexes", "0026_audiences"
migration: Any = import_module(f"library.migrations.{AFTER}")

# Two clips with plays by each kind of client, from three months ago until now. The events of the
# first month are pruned; on its second day all plays were by people, on its third by bots.
SEED = """
INSERT INTO library_clip (
    title, description, genre, duration, audio_url, audio_file, state, tags, health, play_count,
    created_at, updated_at
) SELECT 'Clip', '', 'ambient', 9, 'http://a.example/a.mp3', '', 'published', '{}', 'unchecked',
    0, now(), now()
FROM generate_series(1, 2);
DO $$
DECLARE
    month timestamptz;
BEGIN
    FOR ago IN 1..3 LOOP
        month := date_trunc('month', now(), 'UTC') - make_interval(months => ago);
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF library_playevent FOR VALUES FROM (%L) TO (%L)',
            'library_playevent_' || to_char(month, 'YYYY_MM'), month, month + interval '1 month'
        );
    END LOOP;
END $$;
INSERT INTO library_playevent (clip_id, played_at, kind, client, referrer)
SELECT
    (SELECT min(id) FROM library_clip) + number % 2, played_at, 'plain',
    CASE extract(day FROM played_at) WHEN 2 THEN 'app' WHEN 3 THEN 'bot' ELSE
        (ARRAY['browser', 'player', 'app', 'library', 'bot', 'other'])[number % 6 + 1] END, ''
FROM (
    SELECT number, now() - number * number * interval '97 seconds' AS played_at
    FROM generate_series(0, 200) AS number -- 45 days
    UNION
    SELECT number, date_trunc('month', now(), 'UTC') - interval '3 months' + number * interval '1h'
    FROM generate_series(0, 200) AS number
) AS times;
INSERT INTO library_playtally (clip_id, quarter, plays)
SELECT clip_id, date_bin('15 minutes', played_at, 'epoch'), count(*)
FROM library_playevent GROUP BY 1, 2;
INSERT INTO library_audiencetally (clip_id, day, client, referrer, plays, listeners)
SELECT clip_id, (played_at AT TIME ZONE 'UTC')::date, client, referrer, count(*), 0
FROM library_playevent GROUP BY 1, 2, 3, 4;
INSERT INTO library_librarytally (quarter, slot, plays)
SELECT quarter, clip_id % 2, sum(plays) FROM library_playtally GROUP BY 1, 2;
UPDATE library_clip SET play_count = (
    SELECT count(*) FROM library_playevent WHERE clip_id = library_clip.id
);
"""
FIRST_MONTH = "date_trunc('month', now(), 'UTC') - interval '3 months'"
PRUNE = f"""
DO $$
BEGIN
    EXECUTE 'DROP TABLE library_playevent_' || to_char({FIRST_MONTH}, 'YYYY_MM');
END $$
"""
BY_PEOPLE = f"client IN {tuple(map(str, PEOPLE))}"
KEPT = "SELECT clip_id, quarter, plays, people FROM library_playtally"
COUNTED = f"""
SELECT clip_id, date_bin('15 minutes', played_at, 'epoch'), count(*),
    count(*) FILTER (WHERE {BY_PEOPLE})
FROM library_playevent GROUP BY 1, 2
"""
RECORD = "SELECT library_record_plays(%s, '20s', false, 1::smallint, 200, '(other)')"


@pytest.fixture
def seeded(scratch: BaseDatabaseWrapper, run: Run) -> Run:
    """A library of the last version."""
    migrate(scratch, BEFORE)
    run(SEED)
    return run


def record(database: BaseDatabaseWrapper, clip_id: int, *clients: str) -> None:
    """Record plays as processes do, of this version and the last."""
    plays = [
        {"clip_id": clip_id, "kind": "plain", "client": client, "referrer": ""}
        for client in clients
    ]
    connection = database.copy()
    try:
        with connection.cursor() as cursor:
            cursor.execute(RECORD, [json.dumps(plays)])
    finally:
        connection.close()


def test_past_plays_by_people_are_counted_from_the_events(
    seeded: Run, scratch: BaseDatabaseWrapper
) -> None:
    people = seeded(
        f"SELECT clip_id, count(*) FROM library_playevent WHERE {BY_PEOPLE} GROUP BY 1 ORDER BY 1"
    )
    seeded(PRUNE)
    migrate(scratch, AFTER)
    pruned_until = seeded(f"SELECT {FIRST_MONTH} + interval '1 month'")[0][0]
    kept = seeded(f"{KEPT} ORDER BY 1, 2")
    assert [row for row in kept if row[1] >= pruned_until] == seeded(f"{COUNTED} ORDER BY 1, 2")
    by_day: dict[int, list[tuple[int, int | None]]] = {}
    for _, quarter, plays, found in kept:
        if quarter < pruned_until:
            by_day.setdefault(quarter.day, []).append((plays, found))
    assert all(found == plays for plays, found in by_day[2])
    assert {found for _, found in by_day[3]} == {0}
    assert {found for _, found in by_day[4]} == {None}
    # The totals are known, because the audience of each day is.
    assert seeded("SELECT id, people_count FROM library_clip ORDER BY 1") == people
    assert seeded(
        "SELECT quarter, sum(plays), sum(people) FROM library_librarytally GROUP BY 1 ORDER BY 1"
    ) == seeded(
        "SELECT quarter, sum(plays), CASE WHEN bool_and(people IS NOT NULL) THEN sum(people) END"
        " FROM library_playtally GROUP BY 1 ORDER BY 1"
    )
    assert (
        "INCLUDE (plays, people)"
        in seeded("SELECT indexdef FROM pg_indexes WHERE indexname = 'library_playtally_pkey'")[0][
            0
        ]
    )


def test_plays_recorded_during_the_migration_are_counted_once(
    seeded: Run, scratch: BaseDatabaseWrapper
) -> None:
    ((clip_id,),) = seeded("SELECT min(id) FROM library_clip")
    record(scratch, clip_id, "browser", "bot")
    seeded(migration.ADD_TO_CLIPS)
    record(scratch, clip_id, "browser", "bot")
    seeded(migration.ADD_TO_LIBRARY)
    record(scratch, clip_id, "browser", "bot")
    with ThreadPoolExecutor(1) as pool:
        with scratch.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE library_playtally IN ACCESS EXCLUSIVE MODE")
            waiting = pool.submit(record, scratch, clip_id, "browser", "bot")
            await_blocked_transaction()
            cursor.execute(migration.ADD_TO_TALLIES)
            cursor.execute("COMMIT")
        # A call of the last version's function doesn't count without `people`. Processes repeat it.
        failure = waiting.exception(20)
        assert failure is not None
        assert isinstance(failure.__cause__, psycopg.errors.CheckViolation)
    record(scratch, clip_id, "browser", "bot")
    migrate(scratch, AFTER)
    record(scratch, clip_id, "app", "other", "player")
    assert sorted(seeded(KEPT)) == sorted(seeded(COUNTED))
    ((plays, people),) = seeded(
        f"SELECT count(*), count(*) FILTER (WHERE {BY_PEOPLE}) FROM library_playevent"
    )
    for table in ("clip (play_count, people_count)", "librarytally (plays, people)"):
        name, columns = table.rstrip(")").split(" (")
        sums = ", ".join(f"sum({column})" for column in columns.split(", "))
        assert seeded(f"SELECT {sums} FROM library_{name}") == [(plays, people)]


def test_interrupted_migration_is_completed_and_reversed(
    seeded: Run, scratch: BaseDatabaseWrapper
) -> None:
    ((clip_id,),) = seeded("SELECT min(id) FROM library_clip")
    for statement in (migration.ADD_TO_CLIPS, migration.ADD_TO_LIBRARY, migration.ADD_TO_TALLIES):
        seeded(statement)
    record(scratch, clip_id, "browser")
    migrate(scratch, AFTER)
    assert sorted(seeded(KEPT)) == sorted(seeded(COUNTED))
    migrate(scratch, BEFORE)
    record(scratch, clip_id, "browser")
    migrate(scratch, AFTER)
    assert sorted(seeded(KEPT)) == sorted(seeded(COUNTED))
