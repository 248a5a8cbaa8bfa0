"""Change random clips until killed: python writer.py CONNECTION SEED. Prints a line per change."""

import random
import sys

import psycopg

CHANGES = (
    "UPDATE library_clip SET title = title || 'x', updated_at = now() WHERE id = ANY(%(ids)s)",
    "UPDATE library_clip SET state = 'withdrawn', withdrawn_reason = 'R' WHERE id = ANY(%(ids)s)",
    "UPDATE library_clip SET state = 'published', withdrawn_reason = NULL WHERE id = ANY(%(ids)s)",
    "UPDATE library_clip SET state = 'draft' WHERE id = ANY(%(ids)s)",
    "UPDATE library_clip SET deleted_at = now() WHERE id = ANY(%(ids)s)",
    "UPDATE library_clip SET deleted_at = NULL WHERE id = ANY(%(ids)s)",
    "DELETE FROM library_clip WHERE id = (%(ids)s)[1]",
    (
        "INSERT INTO library_clip (title, description, genre, tags, duration, state, audio_url,"
        " audio_file, health, play_count, created_at, updated_at) SELECT 'new', '', 'g', '{}', 1,"
        " 'published', 'https://example.com/' || n, '', 'unchecked', 0, now(), now()"
        " FROM unnest(%(ids)s) AS n"
    ),
)


def main() -> None:
    connection, seed = sys.argv[1:]
    dice = random.Random(int(seed))
    with psycopg.connect(connection) as database:
        while True:
            row = database.execute("SELECT coalesce(max(id), 1) FROM library_clip").fetchone()
            newest = row[0] if row else 1
            for _ in range(dice.randrange(1, 4)):
                # In the order of their ids, so that writers do not wait for each other in a circle.
                ids = sorted({max(1, newest - dice.randrange(60)) for _ in range(3)})
                try:
                    with database.transaction():
                        database.execute(dice.choice(CHANGES), {"ids": ids})
                except psycopg.errors.DeadlockDetected:
                    continue
            if dice.random() < 0.2:
                database.rollback()
            else:
                database.commit()
            sys.stdout.write("changed\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
