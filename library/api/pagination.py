"""A list in pages: the way to the neighbours is in the Link header (RFC 8288)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.utils.urls import remove_query_param, replace_query_param

from library.api.parameters import DEFAULT_LIMIT
from library.api.representation import Row
from library.api.sorting import Order, Place
from library.models import Clip


@dataclass(frozen=True)
class Page:
    """Rows, the cursors of the pages beside them, and how many rows all pages hold."""

    rows: list[Row]
    cursors: dict[str, str]
    total: int

    def headers(self, request: Request) -> dict[str, str]:
        """Link and X-Total-Count."""
        url = request.build_absolute_uri()
        links = {
            relation: replace_query_param(url, "cursor", cursor)
            for relation, cursor in self.cursors.items()
        }
        if "cursor" in request.query_params:
            links["first"] = remove_query_param(url, "cursor")
        headers = {"X-Total-Count": str(self.total)}
        if links:
            headers["Link"] = ", ".join(f'<{url}>; rel="{name}"' for name, url in links.items())
        return headers


def page_of(clips: QuerySet[Clip], query: Mapping[str, Any], columns: list[str]) -> Page:
    """The page of these clips that the parameters `limit`, `ordering` and `cursor` ask for.

    Two queries at most. Raises ValidationError for a cursor that is not ours.
    """
    order = Order.of(query)
    limit = query.get("limit", DEFAULT_LIMIT)
    place = Place.of(query["cursor"], order) if "cursor" in query else None
    found = order.sort(clips, place).values(*columns, "sorted_by")[: limit + 1]
    rows = [dict(row) for row in found]
    more = len(rows) > limit
    del rows[limit:]
    back = place is not None and place.back
    if back:
        rows.reverse()
    # whence we came, there is a row; onwards, there is one if one more was found
    before, after = (more, True) if back else (place is not None, more)
    cursors = {}
    if rows and after:
        cursors["next"] = _cursor(order, rows[-1], back=False)
    if rows and before:
        cursors["prev"] = _cursor(order, rows[0], back=True)
    whole = place is None and not more
    return Page(rows, cursors, len(rows) if whole else clips.count())


def _cursor(order: Order, row: Row, *, back: bool) -> str:
    return Place(back, row["sorted_by"], row["id"]).cursor(order)
