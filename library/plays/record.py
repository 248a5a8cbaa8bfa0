"""Recording plays: event, counter and tallies, in one transaction, before the first audio byte."""

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

REFERRERS_KEPT = 200  # rows of the audience tally a clip and day; more hosts are told as one
OTHER_REFERRERS = "(other)"
# Somebody may hold a clip's row: a recount, an editor. A group tries for a moment, then each of its
# clips for itself, so that one which is held delays no other for long; who asked for that one
# tries again with the next group. Apart they wait longer, since a group of another process that
# waits for one row holds those it has.
LOCK_TIMEOUT, LOCK_TIMEOUT_APART = "250ms", "500ms"
LOCK_PATIENCE = 3.0  # seconds
SLOTS = 8  # of the library's tally: processes that need not wait for one another


@dataclass(frozen=True)
class Play:
    """A play as it is asked for.

    `listener` is None where no address is known. `listener_before` is the hash of the same
    listener under yesterday's key, while a clip begun yesterday may still be playing.
    """

    clip_id: int
    kind: Kind
    listener: UUID | None
    listener_before: UUID | None
    client: Client
    referrer: str


@dataclass(frozen=True)
class Recorded:
    """What came of a play: the key of its event, None if it was the same play once more."""

    event_id: int | None
    played_at: datetime


# Of a play; None if its clip is gone.
Outcome = Recorded | psycopg.Error | None

# Locks end with the commit, and a commit is as slow as the disk: who holds a viral clip's row that
# long makes all others queue. So this one does not wait for the disk; FLUSH does, right after it.
# Nor are plans made anew for each group: that takes longer than to record a play.
SETTINGS = """
SELECT
    set_config('synchronous_commit', 'off', true),
    set_config('lock_timeout', %(lock_timeout)s, true),
    set_config('plan_cache_mode', 'force_generic_plan', true)
"""
# A transaction of nothing but a record in the log, committed as durably as PostgreSQL is set to
# commit. The log is written in order, so all before this record is as durable as this is.
FLUSH = "SELECT pg_logical_emit_message(true, 'clips', '')"
# Locked in the order of their ids, so that groups of several processes cannot deadlock. A statement
# of its own: the next one begins when the locks are held, so it sees every play of these clips that
# was committed before, and no other can come between.
LOCK = "SELECT FROM library_clip WHERE id = ANY(%(clips)s) ORDER BY id FOR NO KEY UPDATE"

# A ranged play is the same once more if its listener began one of this clip within its length.
# `nth` finds such pairs inside the group.
RECORD = """
WITH asked AS MATERIALIZED (
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
    SELECT *, now() AS played_at FROM asked
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
SELECT number, played.id, now() FROM asked LEFT JOIN played USING (number)
"""


def record(play: Play) -> Recorded:
    """Record a play; committed when this returns, so no audio may be sent before.

    Raises Clip.DoesNotExist if the clip is gone, and NotWrittenError if the database fails or is
    too slow; then the play is not recorded.
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
    """Record a group of plays, in one transaction if no clip is held."""
    try:
        with connection.wrap_database_errors:
            try:
                return _transaction(group)
            except psycopg.errors.DeadlockDetected:  # with a statement that is not ours
                return _transaction(group)
            except psycopg.errors.CheckViolation:  # no partition for today: nobody made it ahead
                partitions.make_ahead()
                return _transaction(group)
            except psycopg.errors.LockNotAvailable:
                return _apart(group)
    finally:
        connection.close()  # a listener with a slow line must not hold one


def _apart(group: Sequence[Play]) -> list[Outcome]:
    """Record each clip's plays in a transaction of their own, whatever becomes of the others."""
    outcomes: list[Outcome] = [None] * len(group)
    for clip_id in {play.clip_id for play in group}:
        numbers = [n for n, play in enumerate(group) if play.clip_id == clip_id]
        plays = [group[n] for n in numbers]
        recorded: Sequence[Outcome]
        try:
            recorded = _transaction(plays, LOCK_TIMEOUT_APART)
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
    # Four round trips: BEGIN, the statements together, COMMIT, FLUSH. So if this process is killed
    # before it has asked for COMMIT nothing is counted. Prepared: planning costs more than running.
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
