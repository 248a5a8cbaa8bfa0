"""Pages of the list, with links to the neighbouring pages in the Link header (RFC 8288)."""

from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework.request import Request
from rest_framework.utils.urls import remove_query_param, replace_query_param

from library.api.filters import Conditions, matching
from library.api.representation import select_list
from library.api.sorting import Order, Place
from library.changes.version import library_token
from library.models.rows import Row, read
from library.statistics.recent_plays import recent_plays

KEPT_COUNTS = 1_000  # filters
kept_counts: dict[str, tuple[int, int]] = {}  # changes so far, and matching clips, by filter


def page_of(
    request: Request, query: Mapping[str, Any], columns: Iterable[str]
) -> tuple[list[Row], dict[str, str], dict[str, str]]:
    """Return the rows that the parameters select, the page's headers, and the links in them.

    Runs at most three statements, and more in the order by recent plays. Raises ValidationError for
    a cursor of another service.
    """
    order = Order.of(query)
    limit = query["limit"]
    place = Place.of(query["cursor"], order) if "cursor" in query else None
    conditions = matching(query)
    columns = [*columns]
    if order.is_by_recent_plays:
        recent_plays.renew()
    rows: list[Row] = []
    for part, begin in order.parts(place):
        missing = limit + 1 - len(rows)
        if missing:
            statement, values = statement_of(conditions, part, begin, columns, missing)
            # How many clips match decides how PostgreSQL best reads them.
            rows += read(statement, values, prepared=not conditions.values)
    more = len(rows) > limit
    del rows[limit:]
    back = place is not None and place.back
    if back:
        rows.reverse()
    # The row that the cursor comes from is on the other side; an extra row shows that more follow.
    before, after = (more, True) if back else (place is not None, more)
    whole = place is None and not more
    headers = {"X-Total-Count": str(len(rows) if whole else matching_count(conditions))}
    url = request.build_absolute_uri()
    links = {}
    if rows and after:
        links["next"] = _link(url, order, rows[-1], back=False)
    if rows and before:
        links["prev"] = _link(url, order, rows[0], back=True)
    if "cursor" in query:
        links["first"] = remove_query_param(url, "cursor")
    if links:
        headers["Link"] = ", ".join(f'<{link}>; rel="{name}"' for name, link in links.items())
    return rows, headers, links


def statement_of(
    conditions: Conditions, order: Order, place: Place | None, columns: Iterable[str], limit: int
) -> tuple[str, list[Any]]:
    """Return the statement that reads a page, and its values."""
    found = Conditions([*conditions.sql], [*conditions.values])
    if order.condition:
        found.add(order.condition)
    if place is not None:
        order.begin(found, place)
    statement = (
        f"SELECT {select_list(columns)}, {order.expression} AS sorted_by FROM {order.tables}"
        f" WHERE {' AND '.join(found.sql)}"
        f" {order.sql(back=place is not None and place.back)} LIMIT {limit:d}"
    )
    return statement, [*order.values, *found.values]


def matching_count(conditions: Conditions) -> int:
    """Return how many clips match the filters.

    The library's version includes the number of all. Other counts are kept until a clip changes.
    """
    token = library_token()  # before the count, which is at least as recent
    if not conditions.values:
        return token.available
    key = repr(conditions)
    changes, number = kept_counts.get(key, (None, 0))
    if changes != token.changes:
        number = _count(conditions)
        if len(kept_counts) >= KEPT_COUNTS:
            kept_counts.clear()
        kept_counts[key] = (token.changes, number)
    return number


def _count(conditions: Conditions) -> int:
    statement = f"SELECT count(*) FROM library_clip WHERE {' AND '.join(conditions.sql)}"
    number: int = read(statement, conditions.values)[0]["count"]
    return number


def _link(url: str, order: Order, row: Row, *, back: bool) -> str:
    place = Place(back, row["sorted_by"], row["id"])
    return replace_query_param(url, "cursor", place.cursor(order))
