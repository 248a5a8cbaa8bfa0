"""Windows of time that end now, each compared with the one before it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from library.statistics.audience import Audience, Counts
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


def recent(plays: Plays, now: datetime) -> dict[str, dict[str, int | None]]:
    """Return the plays in each window, and those by people."""
    found = {window.name: plays.since(window.since(now)) for window in WINDOWS}
    return {
        "plays": {name: counts.plays for name, counts in found.items()},
        "people": {name: counts.people for name, counts in found.items()},
    }


def trend(
    window: Window, plays: Plays, now: datetime, audience: Audience, zone: ZoneInfo
) -> dict[str, Any]:
    """Compare a window's plays with those of the previous window."""
    since = window.since(now)
    in_window, before = plays.since(since), plays.between(window.before(now), since)
    return {"since": since.astimezone(zone), **compared(in_window, before, audience)}


def compared(found: Counts, before: Counts, audience: Audience) -> dict[str, Any]:
    """Return two numbers of plays, those by people, and the change of those by the audience."""
    return {
        "plays": found.plays,
        "plays_before": before.plays,
        "people": found.people,
        "people_before": before.people,
        "change": change(found.of(audience), before.of(audience)),
    }


def change(plays: int | None, before: int | None) -> float | None:
    """Return the relative change: 0.5 means 50 % more.

    None if there were no plays before, or if a number is unknown.
    """
    return round(plays / before - 1, 4) if before and plays is not None else None
