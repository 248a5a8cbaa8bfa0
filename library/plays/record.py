"""Record plays: event, counter and tallies in one transaction, before the first byte of audio."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg
from django.db import connection

from library.models import Client, Clip, Kind
from library.plays import partitions
from library.plays.group import GroupCommit, NotWrittenError

REFERRERS_KEPT = 200  # rows of the audience tally per clip and day; other hosts share one
OTHER_REFERRERS = "(other)"
# A recount or an editor may hold the lock on a clip's row. A group waits briefly for all of its
# clips. If that fails, each clip gets a separate transaction, so that a locked clip doesn't delay
# the others; its plays try again with the next group. The separate transactions wait longer,
# because a group of another process that waits for one row keeps the locks it already has.
LOCK_TIMEOUT, LOCK_TIMEOUT_ONE_BY_ONE = "250ms", "500ms"
LOCK_PATIENCE = 3.0  # seconds
SLOTS = 8  # rows per quarter of the library's tally, so that processes don't wait for one row


@dataclass(frozen=True)
class Play:
    """A play to record.

    `listener` is None if no address is known. `listener_before` is the hash of the same listener
    with yesterday's key, set while a clip that began yesterday may still be playing.
    """

    clip_id: int
    kind: Kind
    listener: UUID | None
    listener_before: UUID | None
    client: Client
    referrer: str


@dataclass(frozen=True)
class Recorded:
    """A recorded play. `event_id` is None if the request continues an earlier play."""

    event_id: int | None
    played_at: datetime


# The result for one play; None if its clip doesn't exist any more.
Outcome = Recorded | psycopg.Error | None

# Locks are held until the commit, and a commit is as slow as the disk, so all plays of a popular
# clip would queue for the disk. This commit therefore doesn't wait for it; FLUSH does, right
# afterwards. A generic plan serves every group, because planning takes longer than recording.
SETTINGS = """
SELECT
    set_config('synchronous_commit', 'off', true),
    set_config('lock_timeout', %(lock_timeout)s, true),
    set_config('plan_cache_mode', 'force_generic_plan', true)
"""
# A transaction with only a record in the write-ahead log, committed as durably as PostgreSQL is
# configured to. The log is written in order, so everything before this record is durable as well.
FLUSH = "SELECT pg_logical_emit_message(true, 'clips', '')"
# Rows are locked in the order of their ids, so that groups of several processes can't deadlock.
# This is a separate statement: the next one starts once the locks are held, so it sees every play
# of these clips that has been committed, and no other transaction can record one in between.
LOCK = "SELECT FROM library_clip WHERE id = ANY(%(clips)s) ORDER BY id FOR NO KEY UPDATE"

# A ranged request continues an earlier play if its listener began one of this clip within the
# clip's duration (`is_same`). `nth` finds such pairs within the group.
RECORD = """
WITH requested AS MATERIALIZED (
    SELECT
        nextval('library_playevent_number') AS id, number, clip.id AS clip_id, kind, listener,
        client,
        row_number() OVER (PARTITION BY clip.id, kind, listener ORDER BY number) AS nth,
        listener IS NOT NULL AND NOT EXISTS (
            SELECT FROM library_playevent AS event
            WHERE event.clip_id = clip.id AND event.listener = play.listener
            AND event.played_at >= date_trunc('day', now(), 'UTC')
        ) AS is_new,
        kind = 'ranged' AND listener IS NOT NULL AND EXISTS (
            SELECT FROM library_playevent AS event
            WHERE event.clip_id = clip.id
            AND event.listener IN (play.listener, play.listener_before)
            AND event.kind = 'ranged'
            AND event.played_at > now() - make_interval(secs => clip.duration)
            AND event.played_at > now() - interval '1 hour'
        ) AS is_same,
        CASE
            WHEN referrer = '' OR %(most_referrers)s > (
                SELECT count(*) FROM library_audiencetally AS tally
                WHERE tally.clip_id = clip.id AND tally.day = (now() AT TIME ZONE 'UTC')::date
            ) OR EXISTS (
                SELECT FROM library_audiencetally AS tally
                WHERE tally.clip_id = clip.id AND tally.day = (now() AT TIME ZONE 'UTC')::date
                AND tally.client = play.client AND tally.referrer = play.referrer
            ) THEN referrer
            ELSE %(other)s
        END AS referrer
    FROM unnest(
        %(clips)s::bigint[], %(kinds)s::text[], %(listeners)s::uuid[],
        %(listeners_before)s::uuid[], %(clients)s::text[], %(referrers)s::text[]
    ) WITH ORDINALITY
        AS play (clip_id, kind, listener, listener_before, client, referrer, number)
    JOIN library_clip AS clip ON clip.id = play.clip_id
), played AS MATERIALIZED (
    SELECT *, now() AS played_at FROM requested
    WHERE kind = 'plain' OR listener IS NULL OR (nth = 1 AND NOT is_same)
), events AS (
    INSERT INTO library_playevent (id, clip_id, played_at, kind, listener, client, referrer)
    SELECT id, clip_id, played_at, kind, listener, client, referrer FROM played
), counted AS (
    UPDATE library_clip SET
        play_count = play_count + plays,
        first_played_at = least(first_played_at, now()),
        last_played_at = greatest(last_played_at, now())
    FROM (SELECT clip_id, count(*) AS plays FROM played GROUP BY clip_id) AS sums
    WHERE library_clip.id = sums.clip_id
), tallied AS (
    INSERT INTO library_playtally AS tally (clip_id, quarter, plays)
    SELECT clip_id, date_bin('15 minutes', now(), 'epoch'), count(*) FROM played GROUP BY clip_id
    ON CONFLICT (clip_id, quarter) DO UPDATE SET plays = tally.plays + excluded.plays
), audience AS (
    INSERT INTO library_audiencetally AS tally
        (clip_id, day, client, referrer, plays, listeners)
    SELECT
        clip_id, (now() AT TIME ZONE 'UTC')::date, client, referrer, count(*),
        count(*) FILTER (WHERE is_new AND first)
    FROM (
        SELECT *, row_number() OVER (PARTITION BY clip_id, listener ORDER BY number) = 1 AS first
        FROM played
    ) AS numbered
    GROUP BY clip_id, client, referrer
    ON CONFLICT (clip_id, day, client, referrer) DO UPDATE SET
        plays = tally.plays + excluded.plays, listeners = tally.listeners + excluded.listeners
), library AS (
    INSERT INTO library_librarytally AS tally (quarter, slot, plays)
    SELECT date_bin('15 minutes', now(), 'epoch'), %(slot)s::smallint, count(*) FROM played
    HAVING count(*) > 0
    ON CONFLICT (quarter, slot) DO UPDATE SET plays = tally.plays + excluded.plays
)
SELECT number, played.id, now() FROM requested LEFT JOIN played USING (number)
"""


def record(play: Play) -> Recorded:
    """Record a play. It is committed when this returns; send no audio before.

    Raises Clip.DoesNotExist if the clip doesn't exist, and NotWrittenError if the database fails or
    is too slow; in both cases the play is not recorded.
    """
    until = time.monotonic() + LOCK_PATIENCE
    outcome = _plays.submit(play)
    while isinstance(outcome, psycopg.errors.LockNotAvailable) and time.monotonic() < until:
        outcome = _plays.submit(play)
    if isinstance(outcome, psycopg.Error):
        raise NotWrittenError from outcome
    if outcome is None:
        raise Clip.DoesNotExist
    return outcome


def _write(group: Sequence[Play]) -> Sequence[Outcome]:
    """Record a group of plays, in one transaction unless a clip is locked."""
    try:
        with connection.wrap_database_errors:
            try:
                return _transaction(group)
            except psycopg.errors.DeadlockDetected:  # with a statement from outside the service
                return _transaction(group)
            except psycopg.errors.CheckViolation:  # no partition for today
                partitions.make_ahead()
                return _transaction(group)
            except psycopg.errors.LockNotAvailable:
                return _one_by_one(group)
    finally:
        connection.close()  # a slow listener must not hold a connection


def _one_by_one(group: Sequence[Play]) -> list[Outcome]:
    """Record the plays of each clip in a transaction of its own, so that they fail separately."""
    outcomes: list[Outcome] = [None] * len(group)
    for clip_id in {play.clip_id for play in group}:
        numbers = [n for n, play in enumerate(group) if play.clip_id == clip_id]
        plays = [group[n] for n in numbers]
        recorded: Sequence[Outcome]
        try:
            recorded = _transaction(plays, LOCK_TIMEOUT_ONE_BY_ONE)
        except psycopg.Error as error:
            recorded = [error] * len(plays)
        for n, outcome in zip(numbers, recorded, strict=True):
            outcomes[n] = outcome
    return outcomes


def _transaction(group: Sequence[Play], lock_timeout: str = LOCK_TIMEOUT) -> list[Recorded | None]:
    values = {
        "clips": [play.clip_id for play in group],
        "kinds": [str(play.kind) for play in group],
        "listeners": [play.listener for play in group],
        "listeners_before": [play.listener_before for play in group],
        "clients": [str(play.client) for play in group],
        "referrers": [play.referrer for play in group],
        "most_referrers": REFERRERS_KEPT,
        "other": OTHER_REFERRERS,
        "slot": os.getpid() % SLOTS,
        "lock_timeout": lock_timeout,
    }
    connection.ensure_connection()
    raw = connection.connection
    # Four round trips: BEGIN, the statements together, COMMIT, FLUSH. If this process is killed
    # before it sends COMMIT, nothing is counted.
    with raw.pipeline():
        with raw.transaction():
            psycopg.Cursor(raw).execute(SETTINGS, values, prepare=True)
            psycopg.Cursor(raw).execute(LOCK, values, prepare=True)
            cursor = psycopg.Cursor(raw).execute(RECORD, values, prepare=True)
        psycopg.Cursor(raw).execute(FLUSH, prepare=True)
    recorded: list[Recorded | None] = [None] * len(group)
    for number, event_id, played_at in cursor:
        recorded[number - 1] = Recorded(event_id, played_at)
    return recorded


_plays = GroupCommit(_write)
