"""Rank public clips by plays, of all time and in each window.

Ranking one clip means summing the plays of all, which takes a second or two in a library of a
hundred thousand clips. So a ranking is kept for twenty times as long as it took to make: it never
costs more than a twentieth of one core, and in a small library it is a tenth of a second old.
"""

import logging
import time
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from threading import Lock, Thread
from typing import Any

from django.db import Error, connection
from django.utils import timezone

from library.database_errors import fault_of, first_line
from library.statistics.windows import LONGEST, WINDOWS

logger = logging.getLogger(__name__)

TOP = 100  # clips whose order is kept
# Seconds. A request waits no longer than PATIENCE for a ranking, unless it asks for more.
PATIENCE = 0.1
KEPT_FACTOR = 20
KEPT_AT_LEAST = 0.1
OLDEST = 3600.0
ALL_TIME = "all_time"

_SUMS = """
        sum(plays) FILTER (WHERE quarter >= %({name})s::timestamptz) AS {name},
        sum(plays) FILTER (
            WHERE quarter >= %({name}_before)s::timestamptz AND quarter < %({name})s::timestamptz
        ) AS {name}_before"""
_ORDER = """
    (
        SELECT json_agg(json_build_array(clip_id, {order})) FROM (
            SELECT clip_id, {order} FROM {table} WHERE {order} > 0
            ORDER BY {order} DESC, clip_id LIMIT %(top)s::int
        ) AS top
    ),
    (
        SELECT json_agg(json_build_array({order}, clips) ORDER BY {order} DESC) FROM (
            SELECT {order}, count(*) AS clips FROM {table} WHERE {order} > 0 GROUP BY {order}
        ) AS counts
    )"""
_WINDOWED = [name for window in WINDOWS for name in (window.name, f"{window.name}_before")]
ORDERS = (ALL_TIME, *_WINDOWED)
# Two columns for each order: its top clips, and how many clips have each number of plays.
STATEMENT = f"""
WITH public AS MATERIALIZED (
    SELECT id AS clip_id, play_count AS {ALL_TIME} FROM library_clip
    WHERE deleted_at IS NULL AND state = 'published'
), sums AS MATERIALIZED (
    SELECT clip_id,{",".join(_SUMS.format(name=window.name) for window in WINDOWS)}
    FROM library_playtally JOIN public USING (clip_id)
    WHERE quarter >= %({LONGEST.name}_before)s::timestamptz
    GROUP BY clip_id
)
SELECT{
    ",".join(
        _ORDER.format(order=order, table="public" if order == ALL_TIME else "sums")
        for order in ORDERS
    )
}
"""  # noqa: S608 - the names of orders and windows are constants


class Ranks:
    """One order: the most played clips, and how many clips have more than a number of plays."""

    def __init__(
        self, top: Iterable[Sequence[int]] | None, counts: Sequence[Sequence[int]] | None
    ) -> None:
        """Take pairs of clip id and plays, and pairs of plays and the number of clips with them.

        Both begin with the most plays. Clips without plays are in neither.
        """
        self.top = [(clip_id, plays) for clip_id, plays in top or ()]
        self._negatives = [-plays for plays, _ in counts or ()]
        self._ahead = [0, *accumulate(clips for _, clips in counts or ())]

    def rank(self, plays: int) -> int | None:
        """Return the rank of a clip with this many plays: 1 is the top; ties share a rank."""
        return self._ahead[bisect_left(self._negatives, -plays)] + 1 if plays else None


@dataclass(frozen=True)
class Ranking:
    """All orders at one moment, by name: `all_time`, each window, each window `_before`."""

    as_of: datetime
    orders: dict[str, Ranks]

    def rank(self, order: str, plays: int) -> int | None:
        """Return the rank of a clip with this many plays; None if it has none."""
        return self.orders[order].rank(plays)


def _rank_now() -> Ranking:
    now = timezone.now()
    values: dict[str, Any] = {"top": TOP}
    for window in WINDOWS:
        values[window.name] = window.since(now)
        values[f"{window.name}_before"] = window.before(now)
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT, values)
        columns = cursor.fetchone()
    pairs = zip(columns[::2], columns[1::2], strict=True)
    return Ranking(now, {name: Ranks(*pair) for name, pair in zip(ORDERS, pairs, strict=True)})


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
                self._start_renewal()
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
            self._ranking = _rank_now()
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

    def _start_renewal(self) -> None:
        """Renew in a thread, which takes over the lock from the caller."""
        self._began = time.monotonic()
        try:
            Thread(target=self._renew_in_background, daemon=True).start()
        except RuntimeError:  # the system has no thread left
            self._lock.release()
            logger.exception("No thread is available to rank the clips")

    def _renew_in_background(self) -> None:
        try:
            self.renew()
        finally:
            self._lock.release()
            connection.close()


kept_ranking = KeptRanking()
