"""The plays of a clip per day, drawn as bars."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from library.statistics.series import plays_by_day

DAYS = 30
WIDTH, HEIGHT = 10, 40  # of the drawing of a day


class Day(NamedTuple):
    """A day (UTC) and its plays, as text. Formatting them here takes a tenth of the time."""

    name: str
    plays: str


class PlayChart(NamedTuple):
    """The last days, with today last, and their plays.

    `path` draws a bar for each day, to be stroked, in the box of the drawing.
    """

    days: list[Day]
    plays: int
    busiest: Day
    path: str
    box: str = f"0 0 {DAYS * WIDTH} {HEIGHT}"


def play_chart(clip_id: int, now: datetime) -> PlayChart:
    """Return the plays of the last DAYS days. Runs one query, for the tallies of the clip."""
    counts = plays_by_day([clip_id], DAYS, now)[clip_id]
    first = now.astimezone(UTC).date() - timedelta(days=DAYS - 1)
    days = [
        Day(_name(first + timedelta(days=place)), f"{plays:,}")
        for place, plays in enumerate(counts)
    ]
    most = max(counts)
    latest = DAYS - 1 - counts[::-1].index(most)  # of the days with the most plays
    return PlayChart(days, sum(counts), days[latest], _path(counts, most))


def _path(counts: list[int], most: int) -> str:
    bars = []
    for place, plays in enumerate(counts):
        if plays:
            height = max(2, round(plays * HEIGHT / most, 1))
            bars.append(f"M{place * WIDTH + WIDTH // 2} {HEIGHT}v{-height:g}")
    return "".join(bars)


def _name(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
