"""The cost of a play's update in tables with other columns, constraints or indexes."""

import time

from django.db import connection

from library.models import Clip

UPDATES = 1_000
FIELDS = Clip._meta.concrete_fields
COLUMNS = ", ".join(f"{field.column}" for field in FIELDS if not field.generated)
LAYOUTS = {
    "as it is": "",
    "without the words for searching": "ALTER TABLE {table} DROP COLUMN search_vector",
    "without check constraints": "ALTER TABLE {table} DROP CONSTRAINT clip_title_not_blank, "
    "DROP CONSTRAINT clip_genre_not_blank, DROP CONSTRAINT clip_duration_in_range, "
    "DROP CONSTRAINT clip_one_audio_source",
    "with an index on `play_count`": "CREATE INDEX ON {table} (play_count, id)",
}


def _table(name: str) -> str:
    return f"clips_{list(LAYOUTS).index(name)}"


def create_table(name: str, layout: str) -> None:
    """Copy the clips to a table with this layout."""
    table = _table(name)
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE {table} (LIKE library_clip INCLUDING ALL)"
            " WITH (autovacuum_enabled = false)"
        )
        if layout:
            cursor.execute(layout.format(table=table))
        cursor.execute(f"INSERT INTO {table} ({COLUMNS}) SELECT {COLUMNS} FROM library_clip")
        cursor.execute(f"VACUUM (ANALYZE) {table}")


def measure_updates(name: str) -> tuple[float, float]:
    """Return updates per second, each in a transaction, and the share of HOT updates."""
    table = _table(name)
    counters = f"SELECT n_tup_hot_upd, n_tup_upd FROM pg_stat_user_tables WHERE relname = '{table}'"
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")  # leaves out the disk's time
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(counters)
        hot_before, done_before = cursor.fetchone()
        began = time.perf_counter()
        cursor.execute(
            f"DO $$ BEGIN FOR n IN 1..{UPDATES} LOOP UPDATE {table} "
            "SET play_count = play_count + 1 WHERE id = 1 + n * 7919 % 1000; "
            "COMMIT; END LOOP; END $$"
        )
        took = time.perf_counter() - began
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(counters)
        hot, done = cursor.fetchone()
    return UPDATES / took, (hot - hot_before) / (done - done_before)
