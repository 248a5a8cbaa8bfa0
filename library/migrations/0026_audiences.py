"""Plays by people beside all plays: columns of the tallies and the clips, and their past values.

Plays are recorded meanwhile, so it runs in several transactions, and locks tables only briefly. If
it is interrupted, run it again.
"""

from datetime import timedelta
from pathlib import Path

from django.db import migrations, models, transaction

FOLDER = Path(__file__).parent
PEOPLE = "client IN ('browser', 'player', 'app')"
QUARTER = "date_bin('15 minutes', played_at, 'epoch')"
CLIPS_AT_ONCE = 1_000

# One transaction for each table: a reader that holds two of them can't deadlock with this.
ADD_TO_CLIPS = """
ALTER TABLE library_clip ADD COLUMN IF NOT EXISTS people_count bigint NOT NULL DEFAULT 0
"""
ADD_TO_LIBRARY = "ALTER TABLE library_librarytally ADD COLUMN IF NOT EXISTS people bigint"
# A call of the last version's function may be waiting for a lock. It would count a play without
# `people`, so the constraint makes it fail. A process repeats a call that violates a constraint.
# It is not valid for existing rows, some of which remain unknown.
ADD_TO_TALLIES = f"""
ALTER TABLE library_playtally
    ADD COLUMN IF NOT EXISTS people integer,
    DROP CONSTRAINT IF EXISTS play_tally_people,
    ADD CONSTRAINT play_tally_people CHECK (people IS NOT NULL) NOT VALID;
{(FOLDER / "0026_audiences.sql").read_text()}
"""
REMOVE_FROM_TALLIES = f"""
{(FOLDER / "0012_recording.sql").read_text()}
ALTER TABLE library_playtally DROP COLUMN people;
"""

MONTHS = """
SELECT month, month + interval '1 month' FROM generate_series(
    (SELECT date_trunc('month', min(quarter), 'UTC') FROM library_playtally),
    %(limit)s, interval '1 month'
) AS month
"""
# Only where the events are as many as the tally says.
FROM_EVENTS = f"""
UPDATE library_playtally AS tally SET people = counted.people
FROM (
    SELECT clip_id, {QUARTER} AS quarter, count(*) AS plays,
        count(*) FILTER (WHERE {PEOPLE}) AS people
    FROM library_playevent WHERE {{}} GROUP BY 1, 2
) AS counted
WHERE tally.clip_id = counted.clip_id AND tally.quarter = counted.quarter
AND tally.plays = counted.plays AND tally.people IS DISTINCT FROM counted.people
"""
# The events of older plays are pruned. If all plays of a clip on a day were by people, those of each
# quarter were, and likewise if none was. All else stays unknown.
FROM_AUDIENCE = f"""
UPDATE library_playtally AS tally
SET people = CASE WHEN day.people = 0 THEN 0 ELSE tally.plays END
FROM (
    SELECT clip_id, day, sum(plays) AS plays,
        coalesce(sum(plays) FILTER (WHERE {PEOPLE}), 0) AS people
    FROM library_audiencetally GROUP BY 1, 2
) AS day
WHERE tally.people IS NULL AND tally.quarter < %(limit)s AND tally.clip_id = day.clip_id
AND (tally.quarter AT TIME ZONE 'UTC')::date = day.day AND day.people IN (0, day.plays)
"""
CLIPS = f"""
UPDATE library_clip SET people_count = counted.people
FROM (
    SELECT clip_id, sum(plays) AS people FROM library_audiencetally
    WHERE clip_id = ANY(%(clips)s) AND {PEOPLE} GROUP BY clip_id
) AS counted
WHERE id = clip_id AND people_count <> counted.people
"""
LIBRARY = """
INSERT INTO library_librarytally (quarter, slot, plays, people)
SELECT quarter, 0, sum(plays), CASE WHEN count(*) = count(people) THEN sum(people) END
FROM library_playtally WHERE {} GROUP BY 1 ORDER BY 1
"""


def fill(apps, schema_editor):
    """Count the plays by people of quarters that have ended, then the latest ones under a lock."""
    database = schema_editor.connection
    with database.cursor() as cursor:
        cursor.execute("SELECT date_bin('15 minutes', now() - %s, 'epoch')", [timedelta(hours=1)])
        limit = cursor.fetchone()[0]  # no transaction of a play is that old
        cursor.execute(MONTHS, {"limit": limit})
        for since, until in cursor.fetchall():
            values = {"since": since, "until": min(until, limit)}
            cursor.execute(FROM_EVENTS.format("played_at >= %(since)s AND played_at < %(until)s"), values)
        cursor.execute(FROM_AUDIENCE, {"limit": limit})
        cursor.execute("SELECT id FROM library_clip ORDER BY id")
        clips = [clip_id for (clip_id,) in cursor.fetchall()]
    for start in range(0, len(clips), CLIPS_AT_ONCE):
        _fill_clips(database, clips[start : start + CLIPS_AT_ONCE], limit)
    for condition, lock in (
        ("quarter < %s", "SHARE UPDATE EXCLUSIVE"),  # conflicts with itself, not with plays
        ("quarter >= %s", "SHARE ROW EXCLUSIVE"),
    ):
        with transaction.atomic(using=database.alias), database.cursor() as cursor:
            cursor.execute(f"LOCK TABLE library_librarytally IN {lock} MODE")
            cursor.execute(f"DELETE FROM library_librarytally WHERE {condition}", [limit])
            cursor.execute(LIBRARY.format(condition), [limit])


def _fill_clips(database, clips, limit):
    """Count the latest plays of these clips, and all of them, while none is recorded."""
    values = {"clips": clips, "limit": limit}
    with transaction.atomic(using=database.alias), database.cursor() as cursor:
        # For the triggers of changes: nothing changes that the public sees.
        cursor.execute("SELECT set_config('clips.recording', 'on', true)")
        cursor.execute(
            "SELECT FROM library_clip WHERE id = ANY(%(clips)s) ORDER BY id FOR NO KEY UPDATE",
            values,
        )
        cursor.execute(
            FROM_EVENTS.format("clip_id = ANY(%(clips)s) AND played_at >= %(limit)s"), values
        )
        cursor.execute(CLIPS, values)


# The index contains the sums, so that they are read from it alone (migration 0002).
COVERING = "library_playtally_people"
SWAP = f"""
ALTER TABLE library_playtally DROP CONSTRAINT library_playtally_pkey,
    ADD CONSTRAINT library_playtally_pkey PRIMARY KEY USING INDEX {COVERING}
"""
UNSWAP = """
ALTER TABLE library_playtally DROP CONSTRAINT library_playtally_pkey,
    ADD PRIMARY KEY (clip_id, quarter) INCLUDE (plays)
"""


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("library", "0025_webhooks")]

    operations = [
        migrations.RunSQL(
            ADD_TO_CLIPS,
            "ALTER TABLE library_clip DROP COLUMN people_count",
            state_operations=[
                migrations.AddField(
                    "clip",
                    "people_count",
                    models.BigIntegerField(db_default=0, default=0, editable=False),
                )
            ],
        ),
        migrations.RunSQL(
            ADD_TO_LIBRARY,
            "ALTER TABLE library_librarytally DROP COLUMN people",
            state_operations=[
                migrations.AddField("librarytally", "people", models.BigIntegerField(null=True))
            ],
        ),
        migrations.RunSQL(
            ADD_TO_TALLIES,
            REMOVE_FROM_TALLIES,
            state_operations=[
                migrations.AddField("playtally", "people", models.IntegerField(null=True)),
                migrations.AddConstraint(
                    "playtally",
                    models.CheckConstraint(
                        condition=models.Q(("people__isnull", False)), name="play_tally_people"
                    ),
                ),
            ],
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, atomic=False),
        # An interrupted migration leaves an index, maybe one that is invalid.
        migrations.RunSQL(
            f"DROP INDEX CONCURRENTLY IF EXISTS {COVERING}", migrations.RunSQL.noop
        ),
        migrations.RunSQL(
            f"CREATE UNIQUE INDEX CONCURRENTLY {COVERING}"
            " ON library_playtally (clip_id, quarter) INCLUDE (plays, people)",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(SWAP, UNSWAP),
    ]
