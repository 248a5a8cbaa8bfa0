"""Generate a library of many clips and plays in the current database."""

import sys
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone
from tqdm import tqdm

from library.models import Clip
from library.plays import partitions, rebuild

DAYS = 90  # over which the plays are spread
CHUNK = 100_000

CLIPS = """
INSERT INTO library_clip
    (title, description, genre, duration, audio_url, audio_file, play_count, created_at, updated_at,
    tags, health, state)
SELECT
    'Clip ' || n, repeat('Words of a description. ', 8),
    (ARRAY['ambient', 'electronic', 'acoustic', 'jazz', 'house', 'field recording'])[1 + n %% 6],
    5 + n %% 55, 'https://example.com/audio/' || n || '.mp3', '', 0, now(), now(),
    '{}', 'unchecked', 'published'
FROM generate_series(1, %s) AS n
"""
# Clips with low IDs are played most: the first of 100,000 gets one play in eighteen.
PLAYS = """
INSERT INTO library_playevent
    (clip_id, played_at, kind, listener, client, referrer, bytes_sent, completed)
SELECT
    1 + floor(%(clips)s * power(random(), 4)),
    %(since)s + n * (%(until)s - %(since)s) / %(plays)s,
    (ARRAY['plain', 'ranged'])[1 + n %% 2],
    ('00000000-0000-0000-0000-' || lpad((random() * 1e6)::int::text, 12, '0'))::uuid,
    (ARRAY['browser', 'browser', 'player', 'app', 'library'])[1 + n %% 5],
    (ARRAY['', '', 'example.com', 'www.example.org', 'music.example.net'])[1 + (n / 5) %% 5],
    480000, n %% 3 > 0
FROM generate_series(1, %(plays)s) AS n
"""


def generate(clips: int, plays: int) -> None:
    """Replace all clips and plays by new ones, with tallies; the plays end now."""
    until = timezone.now()
    since = until - timedelta(days=DAYS)
    month = first = partitions.of(since)
    while month.since <= until:
        partitions.make(month)
        month = month.after()
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("TRUNCATE library_clip, library_playevent RESTART IDENTITY CASCADE")
        cursor.execute(CLIPS, [clips])
        chunks = max(1, plays // CHUNK)
        step = (until - since) / chunks
        for number in tqdm(range(chunks), desc="Plays", unit="chunk"):
            with transaction.atomic():
                cursor.execute(
                    PLAYS,
                    {
                        "clips": clips,
                        "plays": plays // chunks,
                        "since": since + step * number,
                        "until": since + step * (number + 1),
                    },
                )
        sys.stderr.write("Tallies\n")
        rebuild.rebuild(None, first.since, month.since)
        rebuild.rebuild_library_tally()
        sys.stderr.write("VACUUM ANALYZE\n")
        cursor.execute("VACUUM ANALYZE")
    hottest = Clip.objects.order_by("-play_count")[0]
    sys.stderr.write(f"The most played clip has {hottest.play_count:,} plays.\n")
