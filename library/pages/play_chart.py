"""The plays of a clip per day, drawn as bars."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from library.statistics.series import plays_by_day

DAYS = 30
HEIGHT = 40  # of the drawing, in which each day is 10 wide
WIDTH = 10


@dataclass(frozen=True)
class Bar:
    """A day (UTC) and its plays, with the place of its bar in the drawing."""

    day: date
    plays: int
    x: int
    y: float
    height: float


@dataclass(frozen=True)
class PlayChart:
    """The bars of the last days, with today last, and their sum."""

    bars: list[Bar]
    plays: int
    box: str = f"0 0 {DAYS * WIDTH} {HEIGHT}"

    @property
    def busiest(self) -> Bar:
        """The day with the most plays, the latest one if there are several."""
        return max(reversed(self.bars), key=lambda bar: bar.plays)


def play_chart(clip_id: int, now: datetime) -> PlayChart:
    """Return the plays of the last DAYS days. Runs one query, for the tallies of the clip."""
    counts = plays_by_day([clip_id], DAYS, now)[clip_id]
    first = now.astimezone(UTC).date() - timedelta(days=DAYS - 1)
    most = max(1, *counts)
    bars = []
    for place, plays in enumerate(counts):
        height = max(2, round(plays * HEIGHT / most, 1)) if plays else 1
        bars.append(
            Bar(first + timedelta(days=place), plays, place * WIDTH, HEIGHT - height, height)
        )
    return PlayChart(bars, sum(counts))
