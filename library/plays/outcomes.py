"""Record how the streams of plays ended: in groups, a moment later, in a background thread.

Plays don't depend on it. No request waits for these writes, and they lock no row that a play waits
for. If they fail or the process is killed, `bytes_sent` and `completed` stay unknown.
"""

import logging
from collections import deque
from dataclasses import dataclass
from threading import Event, Lock, Thread

from django.db import Error, connection

from library.database_errors import fault_of, first_line
from library.plays.record import Recorded

logger = logging.getLogger(__name__)

PAUSE = 1.0  # seconds that outcomes are collected before they are written
MOST_WAITING = 10_000  # while the database is unavailable, the newest are kept

# In the order of the tally's key, so that several processes can't deadlock.
WRITE = """
WITH ended AS (
    SELECT * FROM unnest(%(events)s::bigint[], %(times)s::timestamptz[], %(sent)s::bigint[],
        %(completed)s::bool[]) AS ended (id, played_at, bytes_sent, completed)
), updated AS (
    UPDATE library_playevent AS event
    SET bytes_sent = ended.bytes_sent, completed = ended.completed FROM ended
    WHERE event.id = ended.id AND event.played_at = ended.played_at
    AND event.played_at BETWEEN %(first)s AND %(last)s
    AND event.completed IS NULL
    RETURNING event.clip_id, event.played_at, event.bytes_sent, event.completed
)
INSERT INTO library_completiontally AS tally (clip_id, quarter, ended, completed, bytes_sent)
SELECT
    clip_id, date_bin('15 minutes', played_at, 'epoch'), count(*),
    count(*) FILTER (WHERE completed), sum(bytes_sent)
FROM updated GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (clip_id, quarter) DO UPDATE SET
    ended = tally.ended + excluded.ended,
    completed = tally.completed + excluded.completed,
    bytes_sent = tally.bytes_sent + excluded.bytes_sent
"""


@dataclass(frozen=True)
class Outcome:
    """How a stream ended."""

    play: Recorded
    bytes_sent: int
    completed: bool


class OutcomeWriter:
    """A queue of outcomes, and the thread that writes them."""

    def __init__(self) -> None:
        self._waiting: deque[Outcome] = deque(maxlen=MOST_WAITING)
        self._has_outcomes = Event()
        self._starting = Lock()
        self._writing = Lock()
        self._thread: Thread | None = None

    def add(self, play: Recorded, bytes_sent: int, *, completed: bool) -> None:
        """Write an outcome soon. `bytes_sent` counts the bytes handed to the network."""
        if play.event_id is None:
            return
        self._waiting.append(Outcome(play, bytes_sent, completed))
        with self._starting:  # not at import: threads do not survive a fork
            if self._thread is None:
                self._thread = Thread(target=self._keep_writing, name="outcomes", daemon=True)
                self._thread.start()
        self._has_outcomes.set()

    def write(self) -> None:
        """Write all waiting outcomes. They and those being written are committed on return."""
        with self._writing:
            outcomes = []
            while self._waiting:
                outcomes.append(self._waiting.popleft())
            if outcomes:
                self._write(outcomes)

    def _write(self, outcomes: list[Outcome]) -> None:
        times = [outcome.play.played_at for outcome in outcomes]
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    WRITE,
                    {
                        "events": [outcome.play.event_id for outcome in outcomes],
                        "times": times,
                        "sent": [outcome.bytes_sent for outcome in outcomes],
                        "completed": [outcome.completed for outcome in outcomes],
                        "first": min(times),
                        "last": max(times),
                    },
                )
        except Error as error:
            logger.warning(
                "The outcomes of %d streams were not recorded: %s",
                *(len(outcomes), first_line(error)),
                exc_info=fault_of(error) is None,
            )
        finally:
            connection.close()

    def _keep_writing(self) -> None:
        pause = Event()
        while True:
            self._has_outcomes.wait()
            self._has_outcomes.clear()
            pause.wait(PAUSE)
            self.write()


outcome_writer = OutcomeWriter()
