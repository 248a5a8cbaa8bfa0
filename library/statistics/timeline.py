"""Sums of plays between any of several instants, from one statement."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import accumulate, pairwise


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

    def plays(self, segments: Iterable[Sequence[int]] | None) -> "Plays":
        """Return the plays, from pairs of a segment's number and its plays.

        Segment n, as width_bucket() numbers it, begins with cut n and ends before the next one.
        The last segment has no end. Segments without plays may be left out.
        """
        found = [0] * (len(self._places) + 1)
        for number, plays in segments or ():
            found[number] = plays
        return Plays(self._places, [*accumulate(found)])


class Plays:
    """The number of plays between any two cuts of a timeline."""

    def __init__(self, places: dict[datetime, int], totals: list[int]) -> None:
        """`totals` holds the plays before each cut, and then all plays."""
        self._places = places
        self._totals = totals

    def between(self, since: datetime, until: datetime) -> int:
        """Return the plays from `since` until before `until`."""
        return self._totals[self._places[until]] - self._totals[self._places[since]]

    def since(self, since: datetime) -> int:
        """Return the plays from `since` on, including those after now if a clock is ahead."""
        return self._totals[-1] - self._totals[self._places[since]]

    def series(self, edges: Iterable[datetime]) -> list[int]:
        """Return the plays between each two neighbouring edges."""
        totals = [self._totals[self._places[edge]] for edge in edges]
        return [after - before for before, after in pairwise(totals)]
