"""The process's ranking of public clips by plays.

Ranking one clip means summing the plays of all, which takes a second or two in a library of a
hundred thousand clips. So a ranking is kept for twenty times as long as it took to make: it never
costs more than a twentieth of one core, and in a small library it is a tenth of a second old.
"""

import logging
import time
from threading import Lock

from django.db import Error

from library.background import start_in_background
from library.database_errors import fault_of, first_line
from library.statistics.orders import Ranking, rank_now

logger = logging.getLogger(__name__)

# Seconds. A request waits no longer than PATIENCE for a ranking, unless it asks for more.
PATIENCE = 0.1
KEPT_FACTOR = 20
KEPT_AT_LEAST = 0.1
OLDEST = 3600.0


class KeptRanking:
    """The process's latest ranking, renewed on demand when it is too old."""

    def __init__(self) -> None:
        self._lock = Lock()  # held while a ranking is made
        self.forget()

    def forget(self) -> None:
        """Discard the ranking, so that the next call makes a new one."""
        self._ranking: Ranking | None = None
        self._took = float("inf")
        self._began = self._made_at = self._due = 0.0

    def get(self, patience: float = PATIENCE) -> Ranking | None:
        """Return a ranking, made at its `as_of`, or None if there is none yet.

        If the last one was quick, the caller makes the next one, unless another does already. Else
        a thread makes it, and the caller gets the last one. If there is none, or if it is older
        than OLDEST, callers wait for at most `patience` seconds since the thread began.
        """
        if self._due < time.monotonic():
            if self._took < PATIENCE:
                self._renew_once()
            elif self._lock.acquire(blocking=False):
                self._began = time.monotonic()
                start_in_background(self.renew, self._lock)
        if not self._is_usable() and self._lock.acquire(
            timeout=max(0, self._began + patience - time.monotonic())
        ):
            self._lock.release()
        return self._ranking if self._is_usable() else None

    def _is_usable(self) -> bool:
        return self._ranking is not None and time.monotonic() - self._made_at < OLDEST

    def _renew_once(self) -> None:
        if self._lock.acquire(timeout=PATIENCE):
            try:
                if self._due < time.monotonic():  # no other caller has renewed it meanwhile
                    self.renew()
            finally:
                self._lock.release()

    def renew(self) -> None:
        """Make a ranking in this thread. A failure is logged, and not repeated at once either."""
        began = time.monotonic()
        try:
            self._ranking = rank_now()
            self._made_at = time.monotonic()
            self._took = self._made_at - began
        except Error as error:
            logger.log(
                logging.ERROR,
                "The clips could not be ranked; the previous ranking stays in use: %s",
                first_line(error),
                exc_info=fault_of(error) is None,
            )
        ended = time.monotonic()
        self._due = ended + max(KEPT_AT_LEAST, KEPT_FACTOR * (ended - began))


kept_ranking = KeptRanking()
