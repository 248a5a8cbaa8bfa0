"""The plays of each clip in the last 30 days, in a table that lists can be ordered by.

Summing them takes a second or two in a library of a hundred thousand clips. So they are summed when
a list is requested in this order, but not again for twenty times as long as it took: in a small
library they are a tenth of a second old, and in a large one half a minute. Recording a play writes
nothing more, and no clip is changed.
"""

import logging
import time
from threading import Lock

from django.db import Error, connection, transaction
from django.utils import timezone

from library.background import start_in_background
from library.database_errors import fault_of, first_line
from library.statistics.windows import LONGEST

logger = logging.getLogger(__name__)

QUICK = 0.1  # seconds; a request that finds the sums outdated makes new ones if it takes no longer
# Seconds. If it takes longer, a thread makes them. A request waits for that if the sums are OLD.
OLD = 60.0
PATIENCE = 1.0
KEPT_FACTOR = 20
KEPT_AT_LEAST = 0.1
AFTER_FAILURE = 10.0  # such as on a server that is read-only
LOCK = 0x72656365  # of the transaction that writes the table; nothing else uses the number
# Writes only what differs.
STATEMENT = """
WITH sums AS MATERIALIZED (
    SELECT clip_id, sum(plays)::bigint AS plays FROM library_playtally
    WHERE quarter >= %s GROUP BY clip_id
), outdated AS (
    DELETE FROM library_recentplays AS recent
    WHERE NOT EXISTS (SELECT FROM sums WHERE sums.clip_id = recent.clip_id)
)
INSERT INTO library_recentplays AS recent (clip_id, plays)
SELECT clip_id, plays FROM sums WHERE plays > 0
ON CONFLICT (clip_id) DO UPDATE SET plays = excluded.plays WHERE recent.plays <> excluded.plays
"""


def write_recent_plays() -> None:
    """Write the current sums to the table, unless another process does. Raises django.db.Error."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if cursor.fetchone() == (True,):
            cursor.execute(STATEMENT, [LONGEST.since(timezone.now())])


class RecentPlays:
    """Renews the table on demand, as this process last did."""

    def __init__(self) -> None:
        self._lock = Lock()  # held while the table is written
        self.forget()

    def forget(self) -> None:
        """Renew the table at the next call, and wait for it."""
        self._made_at = self._due = float("-inf")
        self._took = 0.0

    def renew(self) -> None:
        """Renew the table if it is due. If that takes long, only if it is OLD, wait for it."""
        now = time.monotonic()
        if now < self._due or not self._lock.acquire(blocking=False):
            return
        if self._took <= QUICK and self._made_at > float("-inf"):
            try:
                self._write()
            finally:
                self._lock.release()
            return
        thread = start_in_background(self._write, self._lock)
        if thread is not None and now - self._made_at > OLD:
            thread.join(PATIENCE)

    def _write(self) -> None:
        """Write the table. A failure is logged; the old sums stay in use."""
        began = time.monotonic()
        pause = AFTER_FAILURE
        try:
            write_recent_plays()
            self._made_at = began
            self._took = time.monotonic() - began
            pause = max(KEPT_AT_LEAST, KEPT_FACTOR * self._took)
        except Error as error:
            logger.log(
                logging.ERROR,
                "The recent plays could not be summed; the previous sums stay in use: %s",
                first_line(error),
                exc_info=fault_of(error) is None,
            )
        finally:
            self._due = time.monotonic() + pause


recent_plays = RecentPlays()
