"""Clips read by id for streams, in groups."""

import pytest
from django.db import connection
from django.utils import timezone

from library.changes.clip_rows import ClipRow, read_call, rows_of
from library.direct_connection import DirectConnection
from library.models import Client, Clip, Kind
from library.plays.record import Play, record
from tests.support.analyses import not_analysed
from tests.support.recipes import linked_clip, make_clip

pytestmark = pytest.mark.django_db(transaction=True)


def rows(*ids: int) -> list[ClipRow | None]:
    database = DirectConnection()
    try:
        return rows_of(ids, database.run(read_call(ids))[0])
    finally:
        database.close()


def row_of(clip: Clip) -> ClipRow:
    (row,) = rows(clip.pk)
    assert row is not None
    return row


def test_row_has_the_values_of_the_clip() -> None:
    clip = linked_clip.make(title='A "B"', state="withdrawn", withdrawn_reason="Rights")
    Clip.objects.update(audio={"etag": '"a"'}, renditions=[{"part": "preview"}])
    row = row_of(clip)
    assert row._replace(token="") == ClipRow(
        *(clip.pk, 'A "B"', clip.audio_url, "", "withdrawn", "Rights", False, clip.updated_at),
        token="",
        renditions=[{"part": "preview"}],
        audio_etag='"a"',
    )


def test_row_has_the_etag_of_a_failed_analysis() -> None:
    clip = make_clip()
    assert row_of(clip).audio_etag is None
    not_analysed(clip, "no_audio_track")
    assert row_of(clip).audio_etag == '"damaged"'


def test_last_version_still_reads_clips() -> None:
    """During an upgrade, its processes work with the new database."""
    clip = make_clip()
    with connection.cursor() as cursor:
        cursor.execute("SELECT json_array_length(library_read_clips(%s) -> 0)", [[clip.pk]])
        assert cursor.fetchone() == (9,)


def test_unknown_clip_is_none_beside_others() -> None:
    clips = [make_clip(), linked_clip.make(deleted_at=timezone.now())]
    ids = [clip.pk for clip in clips]
    found = rows(ids[0], 10**12, 10**30, ids[1], ids[0])
    assert [row and (row.id, row.is_deleted) for row in found] == [
        (ids[0], False),
        None,
        None,
        (ids[1], True),
        (ids[0], False),
    ]


def test_any_change_of_the_row_alters_its_token() -> None:
    clip, other = make_clip(), make_clip()
    tokens = [row_of(clip).token, row_of(clip).token]
    Clip.objects.filter(pk=other.pk).update(title="Another")
    tokens.append(row_of(clip).token)
    assert len(set(tokens)) == 1
    Clip.objects.filter(pk=clip.pk).update(title="Better")
    tokens.append(row_of(clip).token)
    record(Play(clip.pk, Kind.PLAIN, None, None, Client.OTHER, ""))
    tokens.append(row_of(clip).token)
    assert len(set(tokens)) == 3
