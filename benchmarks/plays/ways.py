"""Ways to record a play, to be compared."""

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
    """Event and counter by the ORM in a transaction: no tallies, no listeners."""
    try:
        with transaction.atomic():
            PlayEvent.objects.create(clip_id=clip_id, kind=Kind.PLAIN, client=Client.OTHER)
            Clip.objects.filter(pk=clip_id).update(play_count=F("play_count") + 1)
    finally:
        connection.close()


def statement(clip_id: int) -> None:
    """Event and counter by one plain SQL statement: no tallies, no listeners."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(STATEMENT, [clip_id])
    finally:
        connection.close()


def alone(clip_id: int) -> None:
    """What the service records, each play in a transaction of its own."""
    record._write([_play(clip_id)])  # noqa: SLF001


def grouped(clip_id: int) -> None:
    """What the service does."""
    record.record(_play(clip_id))


def _play(clip_id: int) -> Play:
    return Play(clip_id, Kind.PLAIN, None, None, Client.OTHER, "")


WAYS: dict[str, Callable[[int], None]] = {
    "ORM, event and counter": orm,
    "one statement, event and counter": statement,
    "with tallies, each alone": alone,
    "with tallies, grouped": grouped,
}
