"""Sums of plays between any of several instants, from one statement."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import accumulate, pairwise

from library.statistics.audience import Counts

# A segment's number, its plays, and those by people.
Segment = Sequence[int | None]


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
            place = number or 0
            plays[place] = all_plays or 0
            people[place] = by_people or 0
            unknown[place] = by_people is None
        return Plays(self._places, *([*accumulate(each)] for each in (plays, people, unknown)))


class Plays:
    """The plays between any two cuts of a timeline, by all and by people."""

    def __init__(
        self, places: dict[datetime, int], plays: list[int], people: list[int], unknown: list[int]
    ) -> None:
        """Each list has a sum for the time before each cut, and then one for all time.

        `unknown` counts the segments in which the plays by people are unknown.
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
        return [self.between(*pair) for pair in pairwise(edges)]

    def _difference(self, start: int, end: int) -> Counts:
        known = self._unknown[start] == self._unknown[end]
        return Counts(
            self._plays[end] - self._plays[start],
            self._people[end] - self._people[start] if known else None,
        )
