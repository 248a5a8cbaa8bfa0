"""What PostgreSQL counts: totals that survive restarts and are the same from every process.

A server may refuse, or freeze: then nothing is refused and nothing ends, and whoever asks waits.
"""

import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any

import psycopg
from django.db import connection
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from library.probes.background_probe import NoAnswerError, Question

logger = logging.getLogger(__name__)

# Seconds for which the database may be asked before a scrape goes on without it; the second where
# the scrape before had to, or each would take long while it is away.
PATIENCE, PATIENCE_WHILE_DOWN = 0.5, 0.02
GIVE_UP = 5.0  # seconds after which the next scrape ends a connection on which nothing comes
# Counting reads every clip. Where there are so many that it takes long, the totals are kept for as
# many times as long, so that it takes no more than a twentieth of the database's time.
LONG, KEPT_FOR = 0.25, 20  # seconds, times

# A clip that is deleted or withdrawn leaves the list of the most played, but no total.
TOTAL = "SELECT coalesce(sum(play_count), 0) FROM library_clip"
TOP = """
SELECT id::text, title, play_count FROM library_clip
WHERE deleted_at IS NULL AND state = 'published' AND play_count > 0
ORDER BY play_count DESC, id LIMIT 10
"""


@dataclass(frozen=True)
class Totals:
    """Plays of all clips; id, title and plays of the most played; until when these may be told."""

    plays: int
    top: list[tuple[str, str, int]]
    good_until: float


class Database:
    """Asks PostgreSQL over a connection of its own, made anew each time.

    So it tells whether one can connect, and takes none from the requests, nor is it among those
    that their metrics count.
    """

    def __init__(self) -> None:
        self.totals: Totals | None = None
        self._connected_at = 0.0
        self._socket: socket.socket | None = None
        self._breaking = Lock()

    def ask(self) -> Totals:
        """The totals of this moment, or the last where that takes long. Raises psycopg.Error."""
        with psycopg.connect(**_parameters(), autocommit=True) as connected:
            self._connected_at = time.monotonic()
            # A descriptor of our own: PostgreSQL's library closes its own at the first error, and
            # that may be another connection's before we have noticed.
            self._socket = socket.socket(fileno=os.dup(connected.pgconn.socket))
            try:
                if self.totals is None or self._connected_at > self.totals.good_until:
                    self.totals = _count(connected)
            finally:
                with self._breaking:
                    self._socket.close()
                    self._socket = None
        return self.totals

    def has_connected(self, since: float) -> bool:
        """Whether it has since then, or counts over a connection that is not yet given up."""
        now = time.monotonic()
        counts = self._socket is not None and now - self._connected_at < GIVE_UP
        return counts or self._connected_at > since

    def break_off(self) -> None:
        """End the connection that `ask` waits on, which then fails and can be asked again."""
        with self._breaking:
            if self._socket is not None:
                with suppress(OSError):  # the server has just done so
                    self._socket.shutdown(socket.SHUT_RDWR)


def _parameters() -> dict[str, Any]:
    parameters: dict[str, Any] = connection.get_connection_params()
    return parameters | {
        "connect_timeout": 2,  # seconds; psycopg takes no fewer
        "cursor_factory": psycopg.Cursor,
        "options": "-c statement_timeout=10s",
        "application_name": "clips metrics",
    }


def _count(connected: psycopg.Connection) -> Totals:
    began = time.monotonic()
    (plays,) = connected.execute(TOTAL).fetchone() or (0,)
    top = connected.execute(TOP).fetchall()
    took = time.monotonic() - began
    return Totals(int(plays), top, began + (KEPT_FOR * took if took > LONG else 0.0))


class DatabaseMetrics:
    """Tells the totals, and whether the database answers."""

    def __init__(self) -> None:
        self._database = Database()
        self._question = Question(self._database.ask, "metrics of the database")
        self._was_up, self._told_at = True, 0.0

    def begin(self) -> Collector:
        """Have the database asked; the collector then waits for it a little, never long."""
        asked_for = self._question.asked_for
        if asked_for > GIVE_UP:
            self._database.break_off()
            asked_for = 0.0
        patience = PATIENCE_WHILE_DOWN
        if self._was_up:  # who comes while another waits goes on when that one does
            patience = max(patience, PATIENCE - asked_for)
        until = time.monotonic() + patience
        return _Scrape(self, self._question.begin(), until, self._told_at)

    def totals(self, number: int, until: float, since: float) -> tuple[bool, Totals | None]:
        """Whether the database answers, and what it told; awaited until a time of the clock.

        What came too late for the scrapes before, since when one was answered, is an answer too: so
        a database that is slow is not taken to be away for ever.
        """
        totals: Totals | None
        try:
            totals = self._question.await_answer(number, until - time.monotonic())
            up = True
        except NoAnswerError as error:
            # It counts for longer than we wait: what it counted before is better than nothing.
            up = error.__cause__ is None and self._database.has_connected(since)
            totals = self._database.totals if up else None
            if self._was_up and not up:
                why = error.__cause__ or "no answer in time"
                logger.warning("Metrics without the database: %s", why)
        self._was_up, self._told_at = up, time.monotonic()
        return up, totals


class _Scrape(Collector):
    """One answer to Prometheus."""

    def __init__(self, database: DatabaseMetrics, number: int, until: float, since: float) -> None:
        self._database, self._question = database, (number, until, since)

    def collect(self) -> Iterator[Metric]:
        """The plays, the most played clips, and whether the database could tell."""
        up, totals = self._database.totals(*self._question)
        yield GaugeMetricFamily("clips_database_up", "Whether the database answered.", value=up)
        if totals is None:
            return
        plays = "Plays of all clips."
        yield CounterMetricFamily("clips_plays_recorded", plays, value=totals.plays)
        top = CounterMetricFamily(
            "clips_top_streamed", "Plays of the most played clips.", labels=["clip_id", "title"]
        )
        for pk, title, count in totals.top:
            top.add_metric([pk, title], count)
        yield top
