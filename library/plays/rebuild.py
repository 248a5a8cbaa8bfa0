"""Rebuild counters and tallies from the events of the months that still have them."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from library.models.play import BY_PEOPLE, KNOWN_PEOPLE
from library.models.transactions import allow_idle
from library.plays.partitions import Partition
from library.plays.recount import TALLIES


def settled() -> datetime:
    """Return the start of yesterday (UTC). Plays from before it are no longer written."""
    yesterday = timezone.now() - timedelta(days=1)
    return yesterday.replace(hour=0, minute=0, second=0, microsecond=0)


def rebuild_month(clip_id: int, month: Partition) -> None:
    """Rebuild a clip's tallies of a month from its events, then its counters.

    It takes two steps, so that plays of the clip wait only while the current days are counted.
    """
    limit = min(max(settled(), month.since), month.until)
    if month.since < limit:
        rebuild(clip_id, month.since, limit)
    if limit < month.until:
        rebuild(clip_id, limit, month.until)


def rebuild(clip_id: int | None, since: datetime, until: datetime) -> None:
    """Rebuild a clip's tallies from its events of whole days (UTC), then its counters.

    `None` rebuilds all clips; use it only while no clip is being played. If plays may be recorded,
    the clip's row is locked first, so that none is added in between. The threads that record how
    streams ended wait.
    """
    values = {"clip": clip_id, "since": since, "until": until}
    one = "TRUE" if clip_id is None else "clip_id = %(clip)s"
    with transaction.atomic(), connection.cursor() as cursor:
        if until > settled():
            _lock_clips(cursor, clip_id)
        cursor.execute("LOCK TABLE library_completiontally IN SHARE ROW EXCLUSIVE MODE")
        for tally in TALLIES:
            cursor.execute(
                f"DELETE FROM {tally.table}"
                f" WHERE {one} AND {tally.time} >= %(since)s AND {tally.time} < %(until)s",
                values,
            )
            cursor.execute(
                f"""WITH events AS (
                    SELECT * FROM library_playevent
                    WHERE {one} AND played_at >= %(since)s AND played_at < %(until)s
                )
                INSERT INTO {tally.table} {tally.recount} ORDER BY 2, 1""",
                values,
            )
        recount_clips(clip_id)


def recount_clips(clip_id: int | None) -> None:
    """Recount a clip's counters, or those of all clips, from the tallies.

    The first and the last play are taken from the events. If those have been pruned, the stored
    times are kept as long as the tallies agree with them.
    """
    one = "TRUE" if clip_id is None else "clip_id = %(clip)s"
    with transaction.atomic(), connection.cursor() as cursor:
        _lock_clips(cursor, clip_id)
        cursor.execute(
            f"""WITH tallied AS (
                SELECT clip_id, sum(plays) AS plays, min(quarter) AS first, max(quarter) AS last
                FROM library_playtally WHERE {one} GROUP BY 1
            )
            UPDATE library_clip SET
                play_count = coalesce(plays, 0),
                people_count = (
                    SELECT coalesce(sum(audience.plays), 0)
                    FROM library_audiencetally AS audience
                    WHERE audience.clip_id = clip.id AND {BY_PEOPLE}
                ),
                first_played_at = CASE
                    WHEN opening.played_at IS NOT NULL THEN opening.played_at
                    WHEN date_bin('15 minutes', library_clip.first_played_at, 'epoch') = first
                        THEN library_clip.first_played_at
                    ELSE first END,
                last_played_at = CASE
                    WHEN latest.played_at IS NOT NULL THEN latest.played_at
                    WHEN date_bin('15 minutes', library_clip.last_played_at, 'epoch') = last
                        THEN library_clip.last_played_at
                    ELSE last END
            FROM library_clip AS clip
            LEFT JOIN tallied ON clip.id = tallied.clip_id
            LEFT JOIN LATERAL (
                SELECT min(played_at) AS played_at FROM library_playevent AS event
                WHERE event.clip_id = clip.id AND event.played_at >= first
                AND event.played_at < first + interval '15 minutes'
            ) AS opening ON TRUE
            LEFT JOIN LATERAL (
                SELECT max(played_at) AS played_at FROM library_playevent AS event
                WHERE event.clip_id = clip.id AND event.played_at >= last
                AND event.played_at < last + interval '15 minutes'
            ) AS latest ON TRUE
            WHERE library_clip.id = clip.id AND {one.replace("clip_id", "clip.id")}""",
            {"clip": clip_id},
        )


def _lock_clips(cursor: CursorWrapper, clip_id: int | None) -> None:
    allow_idle(settings.POSTGRES_IDLE_IN_TRANSACTION)
    one = "TRUE" if clip_id is None else "id = %(clip)s"
    statement = f"SELECT FROM library_clip WHERE {one} ORDER BY id FOR NO KEY UPDATE"
    cursor.execute(statement, {"clip": clip_id})


def rebuild_library_tally() -> None:
    """Rebuild the library's tally from those of the clips; plays wait only for its latest days."""
    limit = settled()
    for condition, lock in (
        ("quarter < %s", "SHARE UPDATE EXCLUSIVE"),  # conflicts with itself, not with plays
        ("quarter >= %s", "SHARE ROW EXCLUSIVE"),
    ):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE library_librarytally IN {lock} MODE")
            cursor.execute(f"DELETE FROM library_librarytally WHERE {condition}", [limit])
            cursor.execute(
                "INSERT INTO library_librarytally (quarter, slot, plays, people)"
                f" SELECT quarter, 0, sum(plays), {KNOWN_PEOPLE}"
                f" FROM library_playtally WHERE {condition} GROUP BY 1 ORDER BY 1",
                [limit],
            )


def correct_number_of_clips() -> None:
    """Correct the number of public clips in the state of the feed of changes."""
    with connection.cursor() as cursor:
        # One statement sees the clips and the state at the same moment.
        cursor.execute(
            """INSERT INTO library_change (difference)
            SELECT (
                SELECT count(*) FROM library_clip
                WHERE deleted_at IS NULL AND state = 'published'
            ) - available FROM library_changestate"""
        )
