"""Record plays: event, counter and tallies in one transaction, before the first byte of audio."""

import secrets
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

import orjson
import psycopg
from django.db import connection

from library.batching import Batcher, BatchError
from library.direct_connection import Call, DirectConnection
from library.models import Client, Clip, Kind
from library.models.transactions import FLUSH
from library.plays import partitions

REFERRERS_KEPT = 200  # rows of the audience tally per clip and day; other hosts share one
OTHER_REFERRERS = "(other)"
# A recount or an editor may hold the lock on a clip's row. A group waits briefly for all of its
# clips, because other processes record plays of them. If that fails, it skips the locked clips.
# Their plays try again in another thread, without waiting for locks, until their patience ends.
LOCK_TIMEOUT = b"100ms"
LOCK_PATIENCE = 3.0  # seconds
LOCK_PAUSE = 0.05  # seconds between two attempts
SLOTS = 64  # rows per quarter of the library's tally, so that processes don't wait for one row

# Migration 0026 contains the function (library/migrations/0026_audiences.sql).
RECORD = b"SELECT library_record_plays($1, $2, $3, $4, $5, $6)"
# The transaction of RECORD does not wait for the disk, because it holds locks until it ends.
WAIT_FOR_DISK = FLUSH.encode()


class NotWrittenError(Exception):
    """The play could not be recorded. If the connection failed, it may have been counted."""


class ClipChangedError(Exception):
    """The clip was changed after the request had read it."""


@dataclass(frozen=True)
class Play:
    """A play to record.

    `listener` is None if no address is known. `listener_before` is the hash of the same listener
    with yesterday's key, set while a clip that began yesterday may still be playing. `version` is
    the clip's `updated_at` as the request read it; None records the play of any version.
    """

    clip_id: int
    kind: Kind
    listener: UUID | None
    listener_before: UUID | None
    client: Client
    referrer: str
    version: datetime | None = None


@dataclass(frozen=True)
class Recorded:
    """A recorded play. `event_id` is None if the request continues an earlier play."""

    event_id: int | None
    played_at: datetime


# The exception of a play that is not recorded, by the outcome that the function returns.
NOT_RECORDED = {"missing": Clip.DoesNotExist, "changed": ClipChangedError}
LOCKED = "locked"
# The outcome of one play, or LOCKED.
Outcome = Recorded | str


def record(play: Play) -> Recorded:
    """Record a play. It is committed when this returns; send no audio before.

    If one of these exceptions is raised, send no audio. Raises Clip.DoesNotExist if the public
    can't play the clip, ClipChangedError if the clip has another version, and NotWrittenError if
    the database fails or is too slow.
    """
    return submit(play).result()


def submit(play: Play) -> Future[Recorded]:
    """Return the future of `record(play)`, for a caller that must not wait.

    Its callbacks must be quick, because they run in the thread that records. The future can't be
    cancelled.
    """
    recorded = Future[Recorded]()
    recorded.set_running_or_notify_cancel()
    until = time.monotonic() + LOCK_PATIENCE

    def settle(attempt: Future[Outcome]) -> None:
        try:
            outcome = attempt.result()
        except BatchError as error:
            failure: Exception = NotWrittenError()
            failure.__cause__ = error.__cause__
        else:
            if isinstance(outcome, Recorded):
                recorded.set_result(outcome)
                return
            if outcome == LOCKED and time.monotonic() < until:
                _plays_of_locked_clips.submit(play).add_done_callback(settle)
                return
            failure = NOT_RECORDED.get(outcome, NotWrittenError)()
        recorded.set_exception(failure)

    _plays.submit(play).add_done_callback(settle)
    return recorded


def _write(group: Sequence[Play]) -> Sequence[Outcome]:
    """Record a group of plays."""
    outcomes = _attempt(group, skip_locked=has_locked_clips(group))
    if outcomes is None:
        outcomes = _attempt(group, skip_locked=True)
    if outcomes is None:  # something else is locked, such as a table
        return [LOCKED] * len(group)
    _note_locks(group, outcomes)
    return outcomes


def _write_again(group: Sequence[Play]) -> Sequence[Outcome]:
    """Record those plays whose clips are no longer locked."""
    time.sleep(LOCK_PAUSE)
    outcomes = _attempt(group, skip_locked=True) or [LOCKED] * len(group)
    _note_locks(group, outcomes)
    return outcomes


def _note_locks(group: Sequence[Play], outcomes: Sequence[Outcome]) -> None:
    for play, outcome in zip(group, outcomes, strict=True):
        if outcome == LOCKED:
            _locked_clips.add(play.clip_id)
        else:
            _locked_clips.discard(play.clip_id)


def _attempt(group: Sequence[Play], *, skip_locked: bool) -> list[Outcome] | None:
    """Return the outcomes, or None if a lock could not be obtained in time."""
    try:
        try:
            return _call(group, skip_locked=skip_locked)
        except psycopg.errors.DeadlockDetected:  # with a statement from outside the service
            return _call(group, skip_locked=skip_locked)
        except psycopg.errors.CheckViolation:  # no partition for today
            try:
                partitions.make_ahead()
            finally:
                connection.close()
            return _call(group, skip_locked=skip_locked)
    except psycopg.errors.LockNotAvailable:
        return None


def _call(group: Sequence[Play], *, skip_locked: bool) -> list[Outcome]:
    results, _ = _database.run(*calls(group, skip_locked=skip_locked))
    return outcomes_of(results)


def calls(group: Sequence[Play], *, skip_locked: bool) -> tuple[Call, Call]:
    """Return the two statements that record a group: its transaction, and the wait for the disk."""
    parameters = [
        orjson.dumps(group),
        LOCK_TIMEOUT,
        b"true" if skip_locked else b"false",
        _slot(),
        str(REFERRERS_KEPT).encode(),
        OTHER_REFERRERS.encode(),
    ]
    return (RECORD, parameters), (WAIT_FOR_DISK, ())


def outcomes_of(results: bytes) -> list[Outcome]:
    """Return the outcomes of a group's plays from the value of the first statement."""
    return [
        Recorded(event_id, datetime.fromisoformat(played_at)) if outcome == "recorded" else outcome
        for outcome, event_id, played_at in orjson.loads(results)
    ]


def has_locked_clips(group: Sequence[Play]) -> bool:
    """Return whether the clip of one of these plays was locked recently."""
    return not _locked_clips.isdisjoint(play.clip_id for play in group)


@cache
def _slot() -> bytes:
    """Return this process's slot. Processes in containers have the same ids, so draw a number."""
    return str(secrets.randbelow(SLOTS)).encode()


_database = DirectConnection("plays")
_locked_clips: set[int] = set()
_plays = Batcher("plays", _write)
_plays_of_locked_clips = Batcher("plays of locked clips", _write_again)
