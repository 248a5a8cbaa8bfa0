"""Rank public clips by plays, of all time and in each window.

Ranking one clip means summing the plays of all, which takes a second or two in a library of a
hundred thousand clips. So a ranking is kept for twenty times as long as it took to make: it never
costs more than a twentieth of one core, and in a small library it is always current.
"""

import logging
import time
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock, Thread

from django.db import Error, connection
from django.utils import timezone

from library.models import Clip, PlayTally, State
from library.statistics.windows import LONGEST, WINDOWS, window_sums

logger = logging.getLogger(__name__)

TOP = 100  # clips whose order is kept
KEPT_FACTOR = 20
QUICK = 0.1  # seconds: a ranking that takes no longer is renewed while its reader waits
OLDEST = 300.0  # seconds


class Ranks:
    """One order: the most played clips, and the number of plays of every clip."""

    def __init__(self, counts: Iterable[tuple[int, int]]) -> None:
        """`counts` are pairs of clip id and plays; clips without plays have no rank."""
        ordered = sorted(((-plays, clip_id) for clip_id, plays in counts if plays))
        self.top = [(clip_id, -negative) for negative, clip_id in ordered[:TOP]]
        self._negatives = array("q", (negative for negative, _ in ordered))

    def rank(self, plays: int) -> int | None:
        """Return the rank of a clip with this many plays: 1 is the top; ties share a rank."""
        return bisect_left(self._negatives, -plays) + 1 if plays else None


@dataclass(frozen=True)
class Ranking:
    """All orders at one moment, by name: `all_time`, each window, each window `_before`."""

    as_of: datetime
    orders: dict[str, Ranks]


def _rank_now() -> Ranking:
    now = timezone.now()
    names = [name for window in WINDOWS for name in (window.name, f"{window.name}_before")]
    sums = (
        PlayTally.objects.filter(quarter__gte=LONGEST.before(now))
        .values_list("clip_id")
        .annotate(**window_sums(now))
    )
    hidden = set(
        Clip.objects.exclude(deleted_at=None, state=State.PUBLISHED).values_list("id", flat=True)
    )
    columns: list[list[tuple[int, int]]] = [[] for _ in names]
    for clip_id, *plays in sums.iterator(chunk_size=10_000):
        if clip_id in hidden:
            continue
        for column, count in zip(columns, plays, strict=True):
            column.append((clip_id, count))
    played = Clip.objects.available().filter(play_count__gt=0).values_list("id", "play_count")
    orders = {name: Ranks(column) for name, column in zip(names, columns, strict=True)}
    return Ranking(now, orders | {"all_time": Ranks(played)})


class KeptRanking:
    """The process's latest ranking, renewed on demand when it is too old."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.forget()

    def forget(self) -> None:
        """Discard the ranking, so that the next call makes a new one."""
        self._ranking: Ranking | None = None
        self._took = self._made_at = self._due = 0.0

    def get(self) -> Ranking:
        """Return a ranking, made at its `as_of`. Raises django.db.Error."""
        ranking = self._ranking
        if ranking is not None and not self._too_old():
            return ranking
        age = time.monotonic() - self._made_at
        if ranking is not None and self._took > QUICK and age < OLDEST:
            if self._lock.acquire(blocking=False):
                self._start_renewal()
            return ranking
        with self._lock:
            if self._ranking is None or self._too_old():
                self._renew()
            assert self._ranking is not None  # noqa: S101 - for the type checker
            return self._ranking

    def _too_old(self) -> bool:
        return time.monotonic() > self._due

    def _renew(self) -> None:
        began = time.monotonic()
        try:
            self._ranking = _rank_now()
            self._made_at = time.monotonic()
            self._took = self._made_at - began
        finally:  # a failure is not repeated at once either
            ended = time.monotonic()
            self._due = ended + KEPT_FACTOR * (ended - began)

    def _start_renewal(self) -> None:
        """Renew in a thread, which takes over the lock from the reader."""
        try:
            Thread(target=self._renew_in_background, daemon=True).start()
        except RuntimeError:  # the system has no thread left
            self._lock.release()
            logger.exception("No thread is available to rank the clips")

    def _renew_in_background(self) -> None:
        try:
            self._renew()
        except Error:
            logger.exception("The clips could not be ranked; the previous ranking stays in use")
        finally:
            self._lock.release()
            connection.close()


kept_ranking = KeptRanking()
