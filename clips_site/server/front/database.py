"""The event loop's database calls, in groups.

Requests that wait at the same time share one call. It starts after they arrive, so an answer
includes everything committed before its request.
"""

import asyncio
from collections.abc import Sequence

import psycopg
from psycopg.errors import (
    CheckViolation,
    DeadlockDetected,
    LockNotAvailable,
    ReadOnlySqlTransaction,
)

from library.changes.clip_rows import ClipRow, read_call, rows_of
from library.changes.feed import LATEST
from library.changes.version import TOKEN, Token, token_of
from library.direct_connection import Call, Outcome
from library.listens import record as listens
from library.loop_connection import LoopBatcher, LoopConnection
from library.plays import record as plays

# None of the group was recorded. `library.plays.record` tries again in a thread.
UNDONE = (LockNotAvailable, DeadlockDetected, CheckViolation)

# Seconds. At 16 concurrent streams it saves PostgreSQL almost half of the time for each play.
PAUSE = 0.001


class Database:
    """The connections of a worker's event loop."""

    def __init__(self) -> None:
        # A connection serves one batcher: it sends one group at a time.
        purposes = ("plays", "clips", "versions", "listens")
        self._connections = [*map(LoopConnection, purposes)]  # each connects when it is used
        self._for_plays, self._for_clips, self._for_versions, self._for_listens = self._connections
        self._plays = LoopBatcher(self._record, PAUSE)
        self._clips = LoopBatcher(self._read_clips)
        self._versions = LoopBatcher(self._read_versions)
        self._listens = LoopBatcher(self._record_listens, PAUSE)

    async def record(self, play: plays.Play) -> plays.Recorded:
        """Record a play. It is committed on return.

        Raises the exceptions of `library.plays.record`.
        """
        try:
            outcome = await self._plays.submit(play)
        except psycopg.Error as error:
            raise plays.NotWrittenError from error
        if isinstance(outcome, plays.Recorded):
            return outcome
        if outcome == plays.LOCKED:
            return await asyncio.wrap_future(plays.submit(play))
        raise plays.NOT_RECORDED.get(outcome, plays.NotWrittenError)

    async def clip(self, clip_id: int) -> ClipRow | None:
        """Return the row of a clip. Raises psycopg.Error."""
        return await self._clips.submit(clip_id)

    async def token(self) -> Token:
        """Return the version of the public list. Raises psycopg.Error."""
        return token_of(await self._versions.submit(TOKEN))

    async def last_change(self) -> int:
        """Return the number of the last change of a public clip. Raises psycopg.Error."""
        return int(await self._versions.submit(LATEST))

    async def listen(self, clip_id: int, report: listens.Report) -> str:
        """Record a report unless it begins a listen. Return the outcome. Raises psycopg.Error."""
        outcome = self._value(await self._listens.submit(listens.call(clip_id, report)))
        return outcome.decode()

    async def _record(self, group: Sequence[plays.Play]) -> Sequence[plays.Outcome]:
        if plays.has_locked_clips(group):
            return [plays.LOCKED] * len(group)
        recorded, flushed = await self._for_plays.run(*plays.calls(group, skip_locked=False))
        if isinstance(recorded, UNDONE):
            return [plays.LOCKED] * len(group)
        self._value(flushed)
        return plays.outcomes_of(self._value(recorded))

    async def _read_clips(self, ids: Sequence[int]) -> Sequence[ClipRow | None]:
        (rows,) = await self._for_clips.run(read_call(ids))
        return rows_of(ids, self._value(rows))

    async def _read_versions(self, calls: Sequence[Call]) -> Sequence[bytes]:
        different = [*dict.fromkeys(calls)]
        values = map(self._value, await self._for_versions.run(*different))
        found = dict(zip(different, values, strict=True))
        return [found[call] for call in calls]

    async def _record_listens(self, calls: Sequence[Call]) -> Sequence[Outcome]:
        return await self._for_listens.run(*calls)

    def _value(self, outcome: Outcome) -> bytes:
        if isinstance(outcome, ReadOnlySqlTransaction):  # this server is no longer the primary
            for connection in self._connections:
                connection.close()
        if isinstance(outcome, psycopg.Error):
            raise outcome
        return outcome
