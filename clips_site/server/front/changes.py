"""Long polling of the feed of changes: a request waits in the event loop, without a thread.

While requests wait, one small query four times a second notices new changes for all of them.
PostgreSQL's LISTEN would be quicker, but poolers do not pass it on.
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import parse_qs

import psycopg

from clips_site.server.front.database import Database
from clips_site.server.front.exchange import Exchange
from library.api.parameters import LONGEST_WAIT
from library.changes.feed import BEGINNING, seq_of
from library.database_outage import NoResponseError

PATH = "/api/v1/changes"
PAUSE = 0.25  # seconds between two queries
# A change releases this many requests at a time, so that most find an answer that is kept by then.
FEW, BREAK = 10, 0.02  # seconds


class Changes:
    """The requests that wait for a change."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[asyncio.Future[None], tuple[int, Exchange]] = {}
        self._watching: asyncio.Task[None] | None = None
        self._stopped = False

    async def wait(self, exchange: Exchange) -> None:
        """Return when Django can answer: there is a change, the time is up, or the client has left.

        The time of the response begins then, because a wait is no delay.
        """
        found = _wanted(exchange)
        if found is None or self._stopped:
            return
        seq, seconds = found
        changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[changed] = seq, exchange
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        before = time.perf_counter()
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(changed, seconds)
        finally:
            self._waiting.pop(changed, None)
            exchange.began += time.perf_counter() - before

    def stop(self) -> None:
        """Let all requests be answered now, because the server stops."""
        self._stopped = True
        _end(self._due(None))

    async def _watch(self) -> None:
        """Release requests until none waits."""
        try:
            while self._waiting:
                try:
                    due = self._due(await self._database.last_change())
                except (psycopg.Error, NoResponseError):  # Django responds with the error
                    due = self._due(None)
                for start in range(0, len(due), FEW):
                    _end(due[start : start + FEW])
                    await asyncio.sleep(BREAK)
                await asyncio.sleep(PAUSE)
        finally:
            self._watching = None

    def _due(self, last: int | None) -> list[asyncio.Future[None]]:
        """Return the requests that the last change is for, or all.

        A number above the last one is of another history of the library, so Django refuses it.
        """
        return [
            changed
            for changed, (seq, exchange) in self._waiting.items()
            if last is None or seq != last or _has_left(exchange)
        ]


def _end(waits: Iterable[asyncio.Future[None]]) -> None:
    for changed in waits:
        if not changed.done():
            changed.set_result(None)


def _has_left(exchange: Exchange) -> bool:
    transport = exchange.request.transport
    return transport is None or transport.is_closing()


def _wanted(exchange: Exchange) -> tuple[int, int] | None:
    """Return the number to wait for a later one of, and for how many seconds.

    Return None if the request does not wait. Django refuses what is invalid.
    """
    if exchange.path != PATH or exchange.request.method != "GET":
        return None
    try:
        query = parse_qs(exchange.query, max_num_fields=100) if "wait=" in exchange.query else {}
        cursors, waits = query.get("cursor", [BEGINNING]), query.get("wait", [])
        if len(cursors) != 1 or len(waits) != 1:
            return None
        if not (waits[0].isascii() and waits[0].isdecimal()):
            return None
        return seq_of(cursors[0]), min(int(waits[0][:9]), LONGEST_WAIT)
    except ValueError:
        return None
