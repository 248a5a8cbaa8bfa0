"""Windows of time that end now, each compared with the one before it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from library.statistics.buckets import quarter_of
from library.statistics.timeline import Plays


@dataclass(frozen=True)
class Window:
    """The last hours or days, in whole quarters of an hour including the current one.

    So a window begins up to fifteen minutes early.
    """

    name: str
    length: timedelta

    def since(self, now: datetime) -> datetime:
        return quarter_of(now) - self.length

    def before(self, now: datetime) -> datetime:
        """Return the start of the previous window, which ends where this one starts."""
        return self.since(now) - self.length


WINDOWS = (
    Window("last_24_hours", timedelta(hours=24)),
    Window("last_7_days", timedelta(days=7)),
    Window("last_30_days", timedelta(days=30)),
)
LONGEST = WINDOWS[-1]


def window_edges(now: datetime) -> set[datetime]:
    """Return the starts of all windows and of the ones before them."""
    return {edge for window in WINDOWS for edge in (window.since(now), window.before(now))}


def trend(window: Window, plays: Plays, now: datetime) -> dict[str, Any]:
    """Compare a window's plays with those of the previous window."""
    since = window.since(now)
    in_window, before = plays.since(since), plays.between(window.before(now), since)
    return {
        "since": since,
        "plays": in_window,
        "plays_before": before,
        "change": change(in_window, before),
    }


def change(plays: int, before: int) -> float | None:
    """Return the relative change: 0.5 means 50 % more. None if there were no plays before."""
    return round(plays / before - 1, 4) if before else None
