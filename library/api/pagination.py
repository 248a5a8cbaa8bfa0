"""Pages of the list, with links to the neighbouring pages in the Link header (RFC 8288)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.utils.urls import remove_query_param, replace_query_param

from library.api.representation import Row
from library.api.sorting import Order, Place
from library.models import Clip


@dataclass(frozen=True)
class Page:
    """Rows, the cursors of the neighbouring pages, and the number of rows on all pages."""

    rows: list[Row]
    cursors: dict[str, str]
    total: int

    def headers(self, request: Request) -> dict[str, str]:
        """Return the headers Link and X-Total-Count."""
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
    """Return the page that the parameters `limit`, `ordering` and `cursor` select.

    Runs at most two queries. Raises ValidationError for a cursor that this service did not sign.
    """
    order = Order.of(query)
    limit = query["limit"]
    place = Place.of(query["cursor"], order) if "cursor" in query else None
    found = order.sort(clips, place).values(*columns, "sorted_by")[: limit + 1]
    rows = [dict(row) for row in found]
    more = len(rows) > limit
    del rows[limit:]
    back = place is not None and place.back
    if back:
        rows.reverse()
    # Backwards from a cursor there is a row; onwards there is one if an extra row was found.
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
