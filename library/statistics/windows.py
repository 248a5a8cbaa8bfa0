"""Windows of time that end now, each compared with the one before it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Q, Sum

from library.statistics.period import QUARTER

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Window:
    """The last hours or days, in whole quarters of an hour including the current one.

    So a window begins up to fifteen minutes early.
    """

    name: str
    length: timedelta

    def since(self, now: datetime) -> datetime:
        begin = now - self.length
        return begin - (begin - EPOCH) % QUARTER

    def before(self, now: datetime) -> datetime:
        """Return the start of the previous window, which ends where this one starts."""
        return self.since(now) - self.length


WINDOWS = (
    Window("last_24_hours", timedelta(hours=24)),
    Window("last_7_days", timedelta(days=7)),
    Window("last_30_days", timedelta(days=30)),
)
LONGEST = WINDOWS[-1]


def window_sums(now: datetime) -> dict[str, Sum]:
    """Return the sums of plays of each window, for tallies since LONGEST.before(now).

    Use them with `aggregate` or `annotate`. `name` holds the plays of a window, and `name_before`
    those of the previous one.
    """
    sums = {}
    for window in WINDOWS:
        since, before = window.since(now), window.before(now)
        sums[window.name] = Sum("plays", filter=Q(quarter__gte=since), default=0)
        earlier = Q(quarter__gte=before, quarter__lt=since)
        sums[f"{window.name}_before"] = Sum("plays", filter=earlier, default=0)
    return sums


def trend(window: Window, sums: Mapping[str, int], now: datetime) -> dict[str, object]:
    """Compare a window's plays with those of the previous window."""
    plays, before = sums[window.name], sums[f"{window.name}_before"]
    return {
        "since": window.since(now),
        "plays": plays,
        "plays_before": before,
        "change": change(plays, before),
    }


def change(plays: int, before: int) -> float | None:
    """Return the relative change: 0.5 means 50 % more. None if there were no plays before."""
    return round(plays / before - 1, 4) if before else None
