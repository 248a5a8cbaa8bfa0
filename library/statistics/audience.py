"""The two audiences whose plays are counted side by side: everything that plays, and people."""

from enum import StrEnum
from typing import NamedTuple


class Audience(StrEnum):
    """Whose plays decide ranks, changes and the order of the top clips."""

    ALL = "all"
    PEOPLE = "people"


class Counts(NamedTuple):
    """Plays, and how many of them were by people; None if that is unknown (see PlayTally)."""

    plays: int
    people: int | None

    def of(self, audience: Audience) -> int | None:
        """Return the plays by an audience."""
        return self.people if audience is Audience.PEOPLE else self.plays
