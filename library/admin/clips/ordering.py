"""The orders offered by the list of clips.

The list keeps the order that an editor chose last, per browser, until they choose another.
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
from library.statistics.ranking import kept_ranking

PATIENCE = 10.0  # seconds
COOKIE_SECONDS = 365 * 86_400
COLUMNS = re.compile(r"[-.\d]{1,20}")  # columns as Django's admin writes them, such as 2.-5

By = Sequence[OrderBy]
FAILING, UPLOADED = Exact(F("health"), Health.FAILING), Exact(F("audio_url"), "")


@dataclass(frozen=True)
class Order:
    """An entry of the menu, and the expressions that it sorts by; ties are sorted by id."""

    title: str
    by: Callable[[], By]


def _most_played_recently() -> By:
    """Sort the top hundred of the last 30 days first, then the others by all their plays.

    Summing the recent plays of every clip for this order would take seconds, so the top hundred
    come from `statistics.ranking`.
    """
    ranking = kept_ranking.get(patience=PATIENCE)
    top = [clip_id for clip_id, _ in ranking.orders["last_30_days"].top] if ranking else []
    ids = Value(top, ArrayField(BigIntegerField()))
    place = Func(ids, F("id"), function="array_position", output_field=BigIntegerField())
    return [place.asc(nulls_last=True), F("play_count").desc()]


ORDERS = {
    "newest": Order("Newest first", lambda: [F("created_at").desc()]),
    "oldest": Order("Oldest first", lambda: [F("created_at").asc()]),
    "changed": Order("Last changed", lambda: [F("updated_at").desc()]),
    "title": Order("Title", lambda: [Lower("title").asc()]),
    "played": Order("Most played", lambda: [F("play_count").desc()]),
    "lately": Order("Most played in 30 days", _most_played_recently),
    "failing": Order("Failing first", lambda: [FAILING.desc(), F("health_since").asc()]),
    "unchecked": Order(
        "Longest unchecked",
        lambda: [UPLOADED.asc(), F("health_checked_at").asc(nulls_first=True)],
    ),
}
DEFAULT = "newest"
MATCH = "match"  # the default of a search


def with_id(ordering: Sequence[Any]) -> list[Any]:
    """Return the ordering with ties sorted by id, so that no clip appears on two pages.

    The id has the direction of the expression before it, as in the indexes.
    """
    last = ordering[-1]
    descending = last.descending if isinstance(last, OrderBy) else str(last).startswith("-")
    return [*ordering, F("id").desc() if descending else F("id").asc()]


def remembered_order(request: HttpRequest) -> str:
    """Return the order the editor chose last: a name, or columns; empty if there is none."""
    return request.COOKIES.get(_cookie(request), "")


def remember_order(request: HttpRequest, response: HttpResponseBase, order: str) -> None:
    """Store the order in a cookie for the editor's next visit."""
    if order not in ORDERS and not COLUMNS.fullmatch(order):
        return
    response.set_cookie(
        _cookie(request),
        order,
        max_age=COOKIE_SECONDS,
        path=request.path,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )


def _cookie(request: HttpRequest) -> str:
    return f"clips-order-{request.user.pk}"  # two editors may share a browser
