"""Generate a library for pages: clips with credits, audio that plays, and waveforms."""

import json
import random
from array import array

from django.db import connection, transaction

from library.sound.waveform import Peaks

DRAWN = 240  # of the newest clips have a waveform of their own; the others are never shown
_RATE, _BLOCK, _BLOCKS = 44_100, 1_024, 1_200  # about 28 seconds
_FACTS = {
    "container": "mp3",
    "codec": "mp3",
    "lossless": False,
    "duration": 28.5,
    "sample_rate": 44_100,
    "channels": 2,
    "bit_rate": 128_000,
    "loudness": -13.0,
    "loudness_range": 4.2,
    "true_peak": -0.8,
    "gain": {"-14": -1.0, "-18": -5.0},
    "leading_silence": 0.0,
    "trailing_silence": 0.1,
    "clippings": 0,
    "truncated": False,
    "damaged_packets": 0,
}
_CLIPS = """
INSERT INTO library_clip
    (title, description, genre, duration, audio_url, audio_file, play_count, created_at, updated_at,
    tags, creator, licence, audio, size_bytes, content_type, health, state)
SELECT
    (ARRAY['Harbour at Dawn', 'Slow Piano', 'Night Train', 'Rain on Slate', 'Warehouse Loop',
        'Street Market'])[1 + n %% 6] || ' ' || n,
    repeat('Words of a description. ', 8),
    (ARRAY['ambient', 'electronic', 'acoustic', 'jazz', 'house', 'field recording'])[1 + n %% 6],
    28.5, '', 'samples/ambient-sounds.mp3', n %% 997, now(), now(),
    ARRAY[(ARRAY['calm', 'dense', 'bright', 'dark'])[1 + n %% 4], 'tag ' || n %% 50],
    'Creator ' || n %% 500,
    (ARRAY['CC-BY-4.0', 'CC0-1.0', 'CC-BY-NC-4.0', NULL])[1 + n %% 4],
    %s::jsonb || jsonb_build_object('etag', '"' || n || '"'),
    456000, 'audio/mpeg', 'ok', 'published'
FROM generate_series(1, %s) AS n
"""
_ANALYSIS = """
INSERT INTO library_audioanalysis
    (clip_id, source, audio_etag, sha256, analysed_at, peaks, attempts)
VALUES (%s, 'samples/ambient-sounds.mp3', %s, '', now(), %s, 0)
"""


def generate(clips: int) -> None:
    """Replace all clips."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE library_clip RESTART IDENTITY CASCADE")
        cursor.execute(_CLIPS, [json.dumps(_FACTS), clips])
        for number in range(max(1, clips - DRAWN + 1), clips + 1):
            cursor.execute(_ANALYSIS, [number, f'"{number}"', invented(number).to_bytes()])
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def invented(seed: int) -> Peaks:
    """Return peaks that look like music: no two are alike, as compression would find out."""
    dice = random.Random(seed)
    level = dice.uniform(4_000, 20_000)
    heights = array("h")
    for _ in range(_BLOCKS):
        level = min(32_000, max(500, level * dice.uniform(0.8, 1.25)))
        heights.append(int(level * dice.uniform(0.6, 1)))
    return Peaks(_RATE, _BLOCK * _BLOCKS, _BLOCK, [-height for height in heights], heights)
