"""While PostgreSQL is silent, further requests fail at once instead of waiting for it, too.

Without this, a frozen server would hold all threads of Django, each for the whole deadline of a
statement, and requests would queue for minutes. A server that refuses does not count as an
outage: it answers at once.
"""

import logging
import time
from contextlib import closing
from threading import Lock, Thread
from typing import Any

import psycopg
from django.db import connection

logger = logging.getLogger(__name__)

SILENCE = 1.0  # seconds after which an answer counts as missing
PROBE_TIMEOUT = 2  # seconds; libpq allows no less for connecting


class NoResponseError(psycopg.OperationalError):
    """PostgreSQL has not responded in time."""


class Outage:
    """Whether PostgreSQL is silent, as far as this process knows."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._silent_since: float | None = None

    def check(self) -> None:
        """Raise NoResponseError during an outage."""
        since = self._silent_since
        if since is not None and time.monotonic() - since >= SILENCE:
            raise NoResponseError("PostgreSQL has stopped responding")

    def suspect(self, silent_for: float = 0.0) -> None:
        """Report that PostgreSQL has not responded; probe whether it still does.

        A statement may only be slow, so an outage begins once PostgreSQL has left new connections
        without an answer for SILENCE seconds; `silent_for` of these have passed.
        """
        with self._lock:
            if self._silent_since is not None:
                return
            self._silent_since = time.monotonic() - silent_for
        Thread(target=self._await_end, name="outage", daemon=True).start()

    def _await_end(self) -> None:
        began = time.monotonic()
        attempts = 0
        while not _answers():
            if not attempts:
                logger.error("PostgreSQL does not respond. Requests get a 503 until it does.")
            attempts += 1
        self._silent_since = None
        if attempts:
            logger.info("PostgreSQL responds again after %.0f s", time.monotonic() - began)


def _answers() -> bool:
    """Return whether PostgreSQL answers in time, even with an error."""
    began = time.monotonic()
    database: Any = connection  # clips_site/database/postgresql/base.py
    try:
        probe = database.open_separate(purpose="probe", connect_timeout=PROBE_TIMEOUT)
        with closing(probe):
            probe.deadline = PROBE_TIMEOUT
            probe.execute("SELECT 1")
    except Exception:
        return time.monotonic() - began < SILENCE
    return True


outage = Outage()
