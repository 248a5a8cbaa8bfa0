"""Sums of plays between any of several instants, from one statement."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import accumulate, pairwise
from typing import Any

from library.statistics.audience import Counts

# A segment's number, its plays, and those by people, which may be None.
Segment = Sequence[Any]


class Timeline:
    """The instants between which an answer counts plays, in order.

    They cut time into segments. PostgreSQL sums the tallies of each segment, and `Plays` adds up
    adjacent segments. So series, windows and periods need one scan of the tallies together.
    """

    def __init__(self, instants: Iterable[datetime]) -> None:
        """Every instant is the start of a quarter of an hour."""
        cuts = sorted(set(instants))
        self.array = f"{{{','.join(cut.isoformat() for cut in cuts)}}}"  # for a timestamptz[]
        self._places = {cut: place for place, cut in enumerate(cuts)}

    def plays(self, segments: Iterable[Segment] | None) -> "Plays":
        """Return the plays of these segments.

        Segment n, as width_bucket() numbers it, begins with cut n and ends before the next one.
        The last segment has no end. Segments without plays may be left out.
        """
        plays = [0] * (len(self._places) + 1)
        people, unknown = plays.copy(), plays.copy()
        for number, all_plays, by_people in segments or ():
            plays[number] = all_plays
            if by_people is None:
                unknown[number] = 1
            else:
                people[number] = by_people
        return Plays(
            self._places,
            [*accumulate(plays)],
            [*accumulate(people)],
            [*accumulate(unknown)] if any(unknown) else None,
        )


class Plays:
    """The plays between any two cuts of a timeline, by all and by people."""

    def __init__(
        self,
        places: dict[datetime, int],
        plays: list[int],
        people: list[int],
        unknown: list[int] | None,
    ) -> None:
        """Each list has a sum for the time before each cut, and then one for all time.

        `unknown` counts the segments whose plays by people are unknown; None if there are none.
        """
        self._places = places
        self._plays, self._people, self._unknown = plays, people, unknown

    def between(self, since: datetime, until: datetime) -> Counts:
        """Return the plays from `since` until before `until`."""
        return self._difference(self._places[since], self._places[until])

    def since(self, since: datetime) -> Counts:
        """Return the plays from `since` on, including those after now if a clock is ahead."""
        return self._difference(self._places[since], -1)

    def series(self, edges: Iterable[datetime]) -> list[Counts]:
        """Return the plays between each two neighbouring edges."""
        places = [self._places[edge] for edge in edges]
        return [self._difference(*pair) for pair in pairwise(places)]

    def _difference(self, start: int, end: int) -> Counts:
        plays = self._plays[end] - self._plays[start]
        if self._unknown and self._unknown[start] != self._unknown[end]:
            return Counts(plays, None)
        return Counts(plays, self._people[end] - self._people[start])
