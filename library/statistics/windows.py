"""The windows that end now, each against the one before it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Q, Sum

from library.statistics.period import QUARTER

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Window:
    """The last hours or days: whole quarters of an hour, the one that runs included.

    So it begins up to fifteen minutes before it would to the second.
    """

    name: str
    length: timedelta

    def since(self, now: datetime) -> datetime:
        """Where it begins."""
        begin = now - self.length
        return begin - (begin - EPOCH) % QUARTER

    def before(self, now: datetime) -> datetime:
        """Where the window before it begins, which ends where this one begins."""
        return self.since(now) - self.length


WINDOWS = (
    Window("last_24_hours", timedelta(hours=24)),
    Window("last_7_days", timedelta(days=7)),
    Window("last_30_days", timedelta(days=30)),
)
LONGEST = WINDOWS[-1]


def window_sums(now: datetime) -> dict[str, Sum]:
    """For `aggregate` or `annotate` over tallies since LONGEST.before(now): plays of each window.

    `name` holds the plays of the window, `name_before` those of the one before.
    """
    sums = {}
    for window in WINDOWS:
        since, before = window.since(now), window.before(now)
        sums[window.name] = Sum("plays", filter=Q(quarter__gte=since), default=0)
        earlier = Q(quarter__gte=before, quarter__lt=since)
        sums[f"{window.name}_before"] = Sum("plays", filter=earlier, default=0)
    return sums


def trend(window: Window, sums: Mapping[str, int], now: datetime) -> dict[str, object]:
    """A window's plays against those of the window before."""
    plays, before = sums[window.name], sums[f"{window.name}_before"]
    return {
        "since": window.since(now),
        "plays": plays,
        "plays_before": before,
        "change": change(plays, before),
    }


def change(plays: int, before: int) -> float | None:
    """The relative change: 0.5 is half as many again; None if there were none before."""
    return round(plays / before - 1, 4) if before else None
