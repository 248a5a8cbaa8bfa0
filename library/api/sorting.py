"""The orders of the list, and positions in them.

Pages start at a keyset: the sorted value and the id of the row before the page. PostgreSQL compares
both as a row, `(value, id) > (v, i)`. An index on both finds that row at once, even among a hundred
thousand equal values, while with an offset PostgreSQL would read all rows before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.db.models import BooleanField, F, Func, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Lower
from django.db.models.lookups import GreaterThan, LessThan
from rest_framework.exceptions import ValidationError

from library.models import Clip
from library.models.search import search_query, search_rank

ORDERINGS: Mapping[str, Combinable] = {
    "id": F("id"),
    "title": Lower("title"),
    "duration": F("duration"),
    "created_at": F("created_at"),
    "play_count": F("play_count"),
}
# Cursors are signed, so they need no other check.
_signer = signing.Signer(salt="library.api.cursor")


class Row(Func):
    """Values that are compared as a row."""

    function = "ROW"
    output_field = BooleanField()  # unused: a row is only compared


@dataclass(frozen=True)
class Order:
    """An order by a value, then by id in the same direction. `name` is the parameter's value."""

    name: str
    value: Combinable
    descending: bool

    @classmethod
    def of(cls, query: Mapping[str, Any]) -> "Order":
        """Return the requested order; the default of a search is the best match first."""
        name = query.get("ordering")
        if name is None and query.get("search"):
            return cls("relevance", search_rank(search_query(query["search"])), descending=True)
        name = name or "id"
        return cls(name, ORDERINGS[name.removeprefix("-")], name.startswith("-"))

    def sort(self, clips: QuerySet[Clip], place: "Place | None") -> QuerySet[Clip]:
        """Return the clips after the place or, with `place.back`, those before it in reverse."""
        back = place is not None and place.back
        clips = clips.annotate(sorted_by=self.value)
        if place is not None:
            beyond = LessThan if self.descending != back else GreaterThan
            here = Row(F("sorted_by"), F("id"))
            clips = clips.filter(beyond(here, Row(Value(place.value), Value(place.id))))
        sign = "-" if self.descending != back else ""
        return clips.order_by(f"{sign}sorted_by", f"{sign}id")


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
