"""Totals from PostgreSQL: they survive restarts and are the same in every process.

The server can refuse connections, or freeze: then a query gets no error and never ends.
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

from library.probes.background_probe import BackgroundProbe, NoResultError
from library.probes.report_metrics import read_reports, report_metrics
from library.probes.task_metrics import TaskNumbers, read_tasks, task_metrics
from library.probes.webhook_metrics import WebhookNumbers, read_webhooks, webhook_metrics

logger = logging.getLogger(__name__)

# Seconds that a scrape waits for the database. It waits less if the previous scrape got no answer:
# otherwise every scrape would be slow while the database is down.
TIMEOUT, TIMEOUT_WHILE_DOWN = 0.5, 0.02
ABORT_AFTER = 5.0  # seconds without a response, after which the next scrape ends the connection
CONNECTION = {"purpose": "metrics", "connect_timeout": 2}  # libpq allows no shorter time
# The total reads every clip. If that takes longer than SLOW_COUNT seconds, the totals are kept for
# CACHE_FACTOR times as long, so that counting takes at most a twentieth of the database's time.
SLOW_COUNT, CACHE_FACTOR = 0.25, 20

TOP_CLIPS = 10  # that have a series each
# A deleted or withdrawn clip leaves the list of the most played, but its plays stay in the total.
# The others are counted that are not deleted. A failure counts until the clip has another source.
TOTAL = """
SELECT coalesce(sum(play_count), 0),
    count(*) FILTER (WHERE deleted_at IS NULL AND audio IS NOT NULL),
    count(*) FILTER (WHERE deleted_at IS NULL AND audio IS NULL AND analysis.failure IS NOT NULL),
    count(*) FILTER (WHERE deleted_at IS NULL AND audio IS NULL AND analysis.failure IS NULL)
FROM library_clip LEFT JOIN library_audioanalysis analysis
    ON clip_id = id AND failure IS NOT NULL AND source = audio_url || audio_file
"""
ANALYSES = ("done", "failed", "none")  # the states that TOTAL counts
TOP = """
SELECT id::text, title, play_count FROM library_clip
WHERE deleted_at IS NULL AND state = 'published' AND play_count > 0
ORDER BY play_count DESC, id LIMIT %s
"""


@dataclass(frozen=True)
class Totals:
    """Play counts of all clips and of the most played, analyses, and the state of the queues."""

    plays: int
    analyses: dict[str, int]  # clips by the state of their analysis
    top: list[tuple[str, str, int]]  # id, title, plays
    tasks: TaskNumbers
    webhooks: WebhookNumbers
    reports: dict[str, int]  # open ones by reason
    expires_at: float  # on the clock of `time.monotonic`


class Database:
    """Queries PostgreSQL over a new connection each time.

    This shows whether the server accepts connections. It also takes no connection from requests and
    stays out of the metrics of their connections.
    """

    def __init__(self) -> None:
        self.totals: Totals | None = None
        self._connected_at = 0.0
        self._socket: socket.socket | None = None
        self._socket_lock = Lock()

    def fetch(self) -> Totals:
        """Return the current totals, or the previous until they expire. Raises psycopg.Error."""
        database: Any = connection  # clips_site/database/postgresql/base.py
        with database.open_separate(**CONNECTION) as connected:
            self._connected_at = time.monotonic()
            # Duplicate the descriptor: libpq closes its own at the first error, and its number can
            # belong to another connection before this thread notices.
            self._socket = socket.socket(fileno=os.dup(connected.pgconn.socket))
            try:
                if self.totals is None or self._connected_at > self.totals.expires_at:
                    self.totals = _count(connected)
            finally:
                with self._socket_lock:
                    self._socket.close()
                    self._socket = None
        return self.totals

    def has_connected(self, since: float) -> bool:
        """Return whether `fetch` has connected since then, or runs a query that is not overdue."""
        now = time.monotonic()
        counting = self._socket is not None and now - self._connected_at < ABORT_AFTER
        return counting or self._connected_at > since

    def abort(self) -> None:
        """Shut down the connection that `fetch` waits for, so that it fails and can run again."""
        with self._socket_lock:
            if self._socket is not None:
                with suppress(OSError):  # the server has just closed it
                    self._socket.shutdown(socket.SHUT_RDWR)


def _count(connected: psycopg.Connection) -> Totals:
    began = time.monotonic()
    with connected.transaction():
        connected.execute("SET LOCAL statement_timeout = '10s'")
        plays, *analyses = connected.execute(TOTAL).fetchone() or (0, 0, 0, 0)
        top = connected.execute(TOP, [TOP_CLIPS]).fetchall()
        tasks, webhooks = read_tasks(connected), read_webhooks(connected)
        reports = read_reports(connected)
    took = time.monotonic() - began
    expires_at = began + (CACHE_FACTOR * took if took > SLOW_COUNT else 0.0)
    by_state = dict(zip(ANALYSES, analyses, strict=True))
    return Totals(int(plays), by_state, top, tasks, webhooks, reports, expires_at)


class DatabaseMetrics:
    """Reports the totals and whether the database responds."""

    def __init__(self) -> None:
        self._database = Database()
        self._probe = BackgroundProbe(self._database.fetch, "metrics of the database")
        self._was_up, self._scraped_at = True, 0.0

    def begin_scrape(self) -> Collector:
        """Start the query. The collector then waits for it, but never long."""
        running_for = self._probe.running_for
        if running_for > ABORT_AFTER:
            self._database.abort()
            running_for = 0.0
        timeout = TIMEOUT_WHILE_DOWN
        if self._was_up:  # scrapes that wait for the same query stop waiting at the same time
            timeout = max(timeout, TIMEOUT - running_for)
        deadline = time.monotonic() + timeout
        return _Scrape(self, self._probe.request(), deadline, self._scraped_at)

    def totals(self, number: int, deadline: float, since: float) -> tuple[bool, Totals | None]:
        """Wait for the query until the deadline; return whether the database is up, and the totals.

        A connection since the previous scrape, at `since`, counts as up even if its query came too
        late for that scrape. Otherwise a slow database would count as down for ever.
        """
        totals: Totals | None
        try:
            totals = self._probe.wait(number, deadline - time.monotonic())
            up = True
        except NoResultError as error:
            # The query takes longer than the timeout: the previous totals are better than none.
            up = error.__cause__ is None and self._database.has_connected(since)
            totals = self._database.totals if up else None
            if self._was_up and not up:
                reason = error.__cause__ or "no response in time"
                logger.warning("Metrics without the database: %s", reason)
        self._was_up, self._scraped_at = up, time.monotonic()
        return up, totals


class _Scrape(Collector):
    def __init__(
        self, database: DatabaseMetrics, number: int, deadline: float, since: float
    ) -> None:
        self._database, self._query = database, (number, deadline, since)

    def collect(self) -> Iterator[Metric]:
        up, totals = self._database.totals(*self._query)
        yield GaugeMetricFamily("clips_database_up", "Whether the database responded.", value=up)
        if totals is None:
            return
        yield CounterMetricFamily("clips_plays_recorded", "Plays of all clips.", value=totals.plays)
        top = CounterMetricFamily(
            "clips_top_streamed", "Plays of the most played clips.", labels=["clip_id", "title"]
        )
        for pk, title, count in totals.top:
            top.add_metric([pk, title], count)
        yield top
        analyses = GaugeMetricFamily(
            "clips_audio_analyses", "Clips by the state of their analysis.", labels=["state"]
        )
        for state, number in totals.analyses.items():
            analyses.add_metric([state], number)
        yield analyses
        yield from task_metrics(totals.tasks)
        yield from webhook_metrics(totals.webhooks)
        yield from report_metrics(totals.reports)
