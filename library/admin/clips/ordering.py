"""The orders in which editors read their list, by names they choose from.

The list stays in the order that an editor chose last, on that browser, until another is chosen.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, F, Func, OrderBy, Value
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from library.models import Health
from library.models.search import search_query, search_rank
from library.statistics.ranking import kept_ranking

KEPT_SECONDS = 365 * 86_400
COLUMNS = re.compile(r"[-.\d]{1,20}")

By = Sequence[OrderBy]
FAILING, UPLOADED = Exact(F("health"), Health.FAILING), Exact(F("audio_url"), "")


@dataclass(frozen=True)
class Order:
    """An order's title in the menu, and what it sorts by; equals are sorted by id."""

    title: str
    by: Callable[[], By]


def _lately() -> By:
    """The hundred most played of 30 days, as they are ranked; then the others by all their plays.

    To sum the plays of each clip for this alone would take seconds (`statistics.ranking`).
    """
    top = [clip_id for clip_id, _ in kept_ranking.get().orders["last_30_days"].top]
    ids = Value(top, ArrayField(BigIntegerField()))
    place = Func(ids, F("id"), function="array_position", output_field=BigIntegerField())
    return [place.asc(nulls_last=True), F("play_count").desc()]


ORDERS = {
    "newest": Order("Newest first", lambda: [F("created_at").desc()]),
    "oldest": Order("Oldest first", lambda: [F("created_at").asc()]),
    "changed": Order("Last changed", lambda: [F("updated_at").desc()]),
    "title": Order("Title", lambda: [Lower("title").asc()]),
    "played": Order("Most played", lambda: [F("play_count").desc()]),
    "lately": Order("Most played in 30 days", _lately),
    "failing": Order("Failing first", lambda: [FAILING.desc(), F("health_since").asc()]),
    "unchecked": Order(
        "Longest unchecked",
        lambda: [UPLOADED.asc(), F("health_checked_at").asc(nulls_first=True)],
    ),
}
DEFAULT = "newest"
MATCH = "match"  # while searching, where no other order is asked for


def best_match(search: str) -> By:
    """Those that the searched words fit best."""
    return [search_rank(search_query(search)).desc()]


def with_id(ordering: Sequence[Any]) -> list[Any]:
    """The ordering with equals sorted by id, so that no page shows what another has shown.

    In the direction of what comes before: so the indexes have it.
    """
    last = ordering[-1]
    descending = last.descending if isinstance(last, OrderBy) else str(last).startswith("-")
    return [*ordering, F("id").desc() if descending else F("id").asc()]


def remembered(request: HttpRequest) -> str:
    """The order that the editor chose last: a name, or columns as Django's admin writes them."""
    return request.COOKIES.get(_cookie(request), "")


def remember(request: HttpRequest, response: HttpResponseBase, order: str) -> None:
    """Keep the order for the next time that this editor opens the list."""
    if order not in ORDERS and not COLUMNS.fullmatch(order):
        return
    response.set_cookie(
        _cookie(request),
        order,
        max_age=KEPT_SECONDS,
        path=request.path,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )


def _cookie(request: HttpRequest) -> str:
    return f"clips-order-{request.user.pk}"  # two editors may share a browser
