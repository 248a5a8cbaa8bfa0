"""Alternative ways to record a play, which the benchmark compares."""

from collections.abc import Callable

from django.db import connection, transaction
from django.db.models import F

from library.models import Client, Clip, Kind, PlayEvent
from library.plays import record
from library.plays.record import Play

STATEMENT = """
WITH counted AS (
    UPDATE library_clip SET play_count = play_count + 1 WHERE id = %s RETURNING id
)
INSERT INTO library_playevent (clip_id, played_at, kind, client, referrer)
SELECT id, now(), 'plain', 'other', '' FROM counted
"""


def orm(clip_id: int) -> None:
    """Write event and counter with the ORM in a transaction, without tallies and listeners."""
    try:
        with transaction.atomic():
            PlayEvent.objects.create(clip_id=clip_id, kind=Kind.PLAIN, client=Client.OTHER)
            Clip.objects.filter(pk=clip_id).update(play_count=F("play_count") + 1)
    finally:
        connection.close()


def statement(clip_id: int) -> None:
    """Write event and counter with one SQL statement, without tallies and listeners."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(STATEMENT, [clip_id])
    finally:
        connection.close()


def ungrouped(clip_id: int) -> None:
    """Write the same rows as the service, in a transaction for each play."""
    record._write([_play(clip_id)])  # noqa: SLF001


def grouped(clip_id: int) -> None:
    """Record as the service does: plays that arrive together share a transaction."""
    record.record(_play(clip_id))


def _play(clip_id: int) -> Play:
    return Play(clip_id, Kind.PLAIN, None, None, Client.OTHER, "")


RECORDERS: dict[str, Callable[[int], None]] = {
    "ORM, event and counter": orm,
    "one statement, event and counter": statement,
    "with tallies, one per transaction": ungrouped,
    "with tallies, grouped": grouped,
}
