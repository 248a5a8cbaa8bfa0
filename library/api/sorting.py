"""The orders of the list, and places in them.

A page is cut by a keyset: the value that is sorted by and the id of the row beyond which it
begins. PostgreSQL compares the two as a row, `(value, id) > (v, i)`, which an index on both answers
at once, even inside a hundred thousand equal values; an offset would count them.
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
# Signed, so that what comes back is what we wrote, and needs no other check.
_signer = signing.Signer(salt="library.api.cursor")


class Row(Func):
    """Values that are compared in turn, as one."""

    function = "ROW"
    output_field = BooleanField()  # any: it is only ever compared


@dataclass(frozen=True)
class Order:
    """By a value, then by id, both the same way; `name` as it was asked for."""

    name: str
    value: Combinable
    descending: bool

    @classmethod
    def of(cls, query: Mapping[str, Any]) -> "Order":
        """The order that the parameters ask for: the best match first, where they search alone."""
        name = query.get("ordering")
        if name is None and query.get("search"):
            return cls("relevance", search_rank(search_query(query["search"])), descending=True)
        name = name or "id"
        return cls(name, ORDERINGS[name.removeprefix("-")], name.startswith("-"))

    def sort(self, clips: QuerySet[Clip], place: "Place | None") -> QuerySet[Clip]:
        """The clips from a place on, in this order or, if the place looks back, against it."""
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
    """A place in an order: just beyond a row, or just before it and looking back."""

    back: bool
    value: Any
    id: int

    def cursor(self, order: Order) -> str:
        """The place as an opaque word."""
        value = self.value.isoformat() if hasattr(self.value, "isoformat") else self.value
        return _signer.sign_object([order.name, self.back, value, self.id])

    @classmethod
    def of(cls, cursor: str, order: Order) -> "Place":
        """The place that a cursor means. Raises ValidationError."""
        try:
            name, back, value, pk = _signer.unsign_object(cursor)
        except signing.BadSignature:
            raise ValidationError({"cursor": ["Take it whole out of a Link header."]}) from None
        if name != order.name:
            raise ValidationError({"cursor": [f"It belongs to a list ordered by {name}."]})
        return cls(back, value, pk)
