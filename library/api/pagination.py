"""Pages of the list, with links to the neighbouring pages in the Link header (RFC 8288)."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.utils.urls import remove_query_param, replace_query_param

from library.api.representation import Row
from library.api.sorting import Order, Place
from library.models import Clip


def page_of(
    clips: QuerySet[Clip], request: Request, query: Mapping[str, Any], columns: list[str]
) -> tuple[list[Row], dict[str, str]]:
    """Return the rows that `limit`, `ordering` and `cursor` select, and the page's headers.

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
    # The row that the cursor comes from is on the other side; an extra row shows that more follow.
    before, after = (more, True) if back else (place is not None, more)
    url = request.build_absolute_uri()
    links = {}
    if rows and after:
        links["next"] = _link(url, order, rows[-1], back=False)
    if rows and before:
        links["prev"] = _link(url, order, rows[0], back=True)
    if "cursor" in request.query_params:
        links["first"] = remove_query_param(url, "cursor")
    whole = place is None and not more
    headers = {"X-Total-Count": str(len(rows) if whole else clips.count())}
    if links:
        headers["Link"] = ", ".join(f'<{link}>; rel="{name}"' for name, link in links.items())
    return rows, headers


def _link(url: str, order: Order, row: Row, *, back: bool) -> str:
    place = Place(back, row["sorted_by"], row["id"])
    return replace_query_param(url, "cursor", place.cursor(order))
