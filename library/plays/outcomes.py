"""How streams of plays ended: noted in groups, a moment after, by a thread of their own.

A play does not depend on it: nobody waits for these writes, and where they fail, or the process
is killed, `bytes_sent` and `completed` stay unknown. They lock no row that a play waits for.
"""

import logging
from collections import deque
from dataclasses import dataclass
from threading import Event, Lock, Thread

from django.db import Error, connection

from library.plays.record import Recorded

logger = logging.getLogger(__name__)

PAUSE = 1.0  # seconds from an ending until it is written, with all that come meanwhile
MOST_WAITING = 10_000  # while the database is away the newest are kept

# In the order of the tally's key, so that several processes cannot deadlock.
NOTE = """
WITH ended AS (
    SELECT * FROM unnest(%(events)s::bigint[], %(times)s::timestamptz[], %(sent)s::bigint[],
        %(completed)s::bool[]) AS ended (id, played_at, bytes_sent, completed)
), noted AS (
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
FROM noted GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (clip_id, quarter) DO UPDATE SET
    ended = tally.ended + excluded.ended,
    completed = tally.completed + excluded.completed,
    bytes_sent = tally.bytes_sent + excluded.bytes_sent
"""


@dataclass(frozen=True)
class Ending:
    """A stream that has ended."""

    play: Recorded
    bytes_sent: int
    completed: bool


class Endings:
    """The endings that wait to be written, and the thread that writes them."""

    def __init__(self) -> None:
        self._waiting: deque[Ending] = deque(maxlen=MOST_WAITING)
        self._some = Event()
        self._starting = Lock()
        self._writing = Lock()
        self._thread: Thread | None = None

    def note(self, play: Recorded, bytes_sent: int, *, completed: bool) -> None:
        """Note an ending soon. `bytes_sent` counts what was handed to the network."""
        if play.event_id is None:
            return
        self._waiting.append(Ending(play, bytes_sent, completed))
        with self._starting:  # not at import: a thread does not survive a fork
            if self._thread is None:
                self._thread = Thread(target=self._keep_writing, name="endings", daemon=True)
                self._thread.start()
        self._some.set()

    def write(self) -> None:
        """Write what waits now; returns when that, and what was being written, is."""
        with self._writing:
            self._write()

    def _write(self) -> None:
        endings = []
        while self._waiting:
            endings.append(self._waiting.popleft())
        if not endings:
            return
        times = [ending.play.played_at for ending in endings]
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    NOTE,
                    {
                        "events": [ending.play.event_id for ending in endings],
                        "times": times,
                        "sent": [ending.bytes_sent for ending in endings],
                        "completed": [ending.completed for ending in endings],
                        "first": min(times),
                        "last": max(times),
                    },
                )
        except Error:
            logger.warning("How %d streams ended could not be noted", len(endings), exc_info=True)
        finally:
            connection.close()

    def _keep_writing(self) -> None:
        pause = Event()
        while True:
            self._some.wait()
            self._some.clear()
            pause.wait(PAUSE)
            self.write()


endings = Endings()
