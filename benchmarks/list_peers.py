"""What the list's ways are compared with."""

import time
from collections.abc import Callable
from typing import Any

from django.db import connection
from rest_framework import renderers, serializers
from rest_framework.request import Request
from rest_framework.reverse import reverse
from rest_framework.test import APIRequestFactory

from library.api.rendering import JSONRenderer
from library.api.representation import FIELDS, columns, shown_to
from library.models import Clip

PAGE = 100
REQUEST = Request(APIRequestFactory().get("/api/v1/clips"))
SECTION = """\
## The list

`python -m benchmarks.api_list`, {date}, {clips:,} clips, all of one duration, nine of ten of one
`play_count`. Pages of 100; medians of requests asked in turns, in one process with PostgreSQL
beside it. A list of several pages counts the clips that fit, for `X-Total-Count`.

{pages}

By plays, and by rank, PostgreSQL sorts all clips that fit: an index on `play_count` would make each
play's update rewrite every index. All else is cut on an index.

{shown}

What PostgreSQL alone does for a play, the best of several turns, the disk not awaited. It reads a
table's check constraints and generated columns anew for each statement.

{plays}"""


class HealthSerializer(serializers.Serializer[Any]):
    """As a serializer would make it."""

    status = serializers.CharField(source="health")
    reason = serializers.CharField(source="health_reason")
    since = serializers.DateTimeField(source="health_since")


class ModelClipSerializer(serializers.ModelSerializer[Clip]):
    """A clip by DRF's own means: what the list was made by before."""

    stream_url = serializers.SerializerMethodField()
    audio_url = serializers.SerializerMethodField()
    licence_url = serializers.CharField(source="terms.url")
    attribution = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    health = HealthSerializer(source="*")

    class Meta:
        model = Clip
        fields = FIELDS

    def get_stream_url(self, clip: Clip) -> str:
        url: str = reverse("clip-stream", args=[clip.pk], request=REQUEST)
        return url

    def get_audio_url(self, clip: Clip) -> str:
        return clip.audio_url or self.get_stream_url(clip)


def _serialized(renderer: renderers.BaseRenderer) -> Any:
    clips = Clip.objects.all()[:PAGE]
    return renderer.render(ModelClipSerializer(clips, many=True).data)


def _rows() -> bytes:
    rows = Clip.objects.values(*columns())[:PAGE]
    return JSONRenderer().render([*map(shown_to(REQUEST), rows)])


WAYS: dict[str, Callable[[], Any]] = {
    "ModelSerializer, json": lambda: _serialized(renderers.JSONRenderer()),
    "ModelSerializer, orjson": lambda: _serialized(JSONRenderer()),
    "plain rows, orjson (the list)": _rows,
}
UPDATES = 1_000
WRITTEN = (
    "id, title, description, genre, duration, audio_url, audio_file, tags, creator, creator_url, "
    "licence, health, play_count, created_at, updated_at"
)
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


def lay_out(name: str, layout: str) -> None:
    """Copy the clips to a table that is laid out this way."""
    table = _table(name)
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE {table} (LIKE library_clip INCLUDING ALL)"
            " WITH (autovacuum_enabled = false)"
        )
        if layout:
            cursor.execute(layout.format(table=table))
        cursor.execute(f"INSERT INTO {table} ({WRITTEN}) SELECT {WRITTEN} FROM library_clip")
        cursor.execute(f"VACUUM (ANALYZE) {table}")


def plays(name: str) -> tuple[float, float]:
    """Updates a second, each its own transaction, of a thousand clips; the share of HOT ones."""
    table = _table(name)
    seen = f"SELECT n_tup_hot_upd, n_tup_upd FROM pg_stat_user_tables WHERE relname = '{table}'"
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")  # the disk's time is not the question
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(seen)
        hot_before, done_before = cursor.fetchone()
        began = time.perf_counter()
        cursor.execute(
            f"DO $$ BEGIN FOR n IN 1..{UPDATES} LOOP UPDATE {table} "
            "SET play_count = play_count + 1 WHERE id = 1 + n * 7919 % 1000; "
            "COMMIT; END LOOP; END $$"
        )
        took = time.perf_counter() - began
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(seen)
        hot, done = cursor.fetchone()
    return UPDATES / took, (hot - hot_before) / (done - done_before)
