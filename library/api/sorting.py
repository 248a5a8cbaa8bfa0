"""The orders of the list, and positions in them.

Pages start at a keyset: the sorted value and the id of the row before the page. PostgreSQL compares
both as a row, `(value, id) > (v, i)`. An index on both finds that row at once, even among a hundred
thousand equal values, while with an offset PostgreSQL would read all rows before it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.core import signing
from rest_framework.exceptions import ValidationError

from library.api.filters import Conditions
from library.search.conditions import RANK_SQL, rank_values

ORDERINGS: Mapping[str, str] = {
    "id": "id",
    "title": "lower(title)",
    "duration": "duration",
    "created_at": "created_at",
    "updated_at": "updated_at",
    "play_count": "play_count",
    "recent_plays": "plays",  # of RecentPlays, which has no row for clips without any
}
BY_PLAYS = ("play_count",)
CONSTANT = "0"
RECENT_PLAYS = "library_recentplays JOIN library_clip ON id = clip_id"
NO_RECENT_PLAYS = "NOT EXISTS (SELECT FROM library_recentplays WHERE clip_id = id)"
# Cursors are signed, so they need no other check.
_signer = signing.Signer(salt="library.api.cursor")


def is_by_plays(query: Mapping[str, Any]) -> bool:
    """Return whether the requested order changes with plays."""
    return query.get("ordering", "").removeprefix("-") in BY_PLAYS


def is_by_recent_plays(query: Mapping[str, Any]) -> bool:
    """Return whether the parameters order the list by recent plays."""
    return str(query.get("ordering")).removeprefix("-") == "recent_plays"


@dataclass(frozen=True)
class Order:
    """An order by an expression, then by id in the same direction.

    `name` is the parameter's value, and `values` are those of the expression. The clips are read
    from `tables`, where their id is `id_column`, if they meet the `condition`.
    """

    name: str
    expression: str
    descending: bool
    values: tuple[Any, ...] = ()
    tables: str = "library_clip"
    id_column: str = "id"
    condition: str = ""

    @classmethod
    def of(cls, query: Mapping[str, Any]) -> "Order":
        """Return the requested order; the default of a search is the best match first."""
        name = query.get("ordering")
        if name is None and query.get("search"):
            values = rank_values(query["search"])
            return cls("relevance", RANK_SQL, descending=True, values=values)
        name = name or "id"
        return cls(name, ORDERINGS[name.removeprefix("-")], name.startswith("-"))

    @property
    def is_by_recent_plays(self) -> bool:
        return is_by_recent_plays({"ordering": self.name})

    def parts(self, place: "Place | None") -> "Iterator[tuple[Order, Place | None]]":
        """Yield the orders to read one after the other, each with the place where it begins.

        By recent plays, the clips that have some are read from the index on them, and the others by
        id. One statement for both would have to sort all clips.
        """
        if not self.is_by_recent_plays:
            yield self, place
            return
        played = replace(self, tables=RECENT_PLAYS, id_column="clip_id")
        others = replace(self, expression=CONSTANT, condition=NO_RECENT_PLAYS)
        descending = self.descending != (place is not None and place.back)
        first, last = (played, others) if descending else (others, played)
        if place is None or descending == (place.value > 0):
            yield first, place
            yield replace(last, descending=descending), None
        else:
            yield last, place

    def sql(self, *, back: bool) -> str:
        """Return the ORDER BY clause, in reverse if `back`."""
        direction = "DESC" if self.descending != back else "ASC"
        return f"ORDER BY sorted_by {direction}, id {direction}"

    def begin(self, conditions: Conditions, place: "Place") -> None:
        """Add the condition for clips after the place or, with `place.back`, before it."""
        beyond = "<" if self.descending != place.back else ">"
        if self.expression == CONSTANT:
            conditions.add(f"{self.id_column} {beyond} %s", place.id)
        else:
            condition = f"({self.expression}, {self.id_column}) {beyond} (%s, %s)"
            conditions.add(condition, *self.values, place.value, place.id)


@dataclass(frozen=True)
class Place:
    """A position in an order: after a row, or with `back` before it."""

    back: bool
    value: Any
    id: int

    def cursor(self, order: Order) -> str:
        """Return the place as an opaque text."""
        value = self.value.isoformat() if hasattr(self.value, "isoformat") else self.value
        return _signer.sign_object([order.name, self.back, value, self.id])

    @classmethod
    def of(cls, cursor: str, order: Order) -> "Place":
        """Return the place of a cursor. Raises ValidationError."""
        try:
            name, back, value, pk = _signer.unsign_object(cursor)
        except signing.BadSignature:
            raise ValidationError(
                {"cursor": ["Invalid cursor. Use a URL from the Link header."]}
            ) from None
        if name != order.name:
            raise ValidationError(
                {
                    "cursor": [
                        f"This cursor belongs to a list ordered by {name}. Start at the first page."
                    ]
                }
            )
        return cls(back, value, pk)
