"""GET /api/v1/facets: the values that the matching clips have, and how many clips have each."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.views import APIView

from library.api import parameters
from library.api.authentication import CountedRequests
from library.api.errors import FacetsBusy
from library.api.etags import may_be_kept, represented, revalidated
from library.api.filters import Conditions, matching
from library.api.openapi import facets as described
from library.api.pagination import matching_count
from library.changes.version import library_token
from library.models.rows import Row, read

MOST = 50  # values of a facet
KEPT = 1_000  # facets that a process keeps
PATIENCE = 0.5  # seconds that a request waits until the one before has counted its facets
# The matching clips are read once for all facets with the same conditions.
_STATEMENT = """
WITH counted AS MATERIALIZED (
    SELECT {columns}, grouping({columns}) AS others, count(*) AS number
    FROM library_clip WHERE {conditions} GROUP BY GROUPING SETS ({sets})
)
{facets}
"""
# Values that differ only in case are one value, shown in its most frequent spelling.
_OF_COLUMN = """(
    SELECT
        '{facet}' AS facet,
        (array_agg({column} ORDER BY number DESC, {column} COLLATE "C"))[1] AS value,
        sum(number)::bigint AS count
    FROM counted WHERE others = {others} AND {column} <> ''
    GROUP BY lower({column}) ORDER BY count DESC, lower({column}) COLLATE "C" LIMIT {most}
)"""
_OF_TAGS = """(
    SELECT '{facet}' AS facet, tag AS value, sum(number)::bigint AS count
    FROM counted, unnest(tags) AS tag WHERE others = {others}
    GROUP BY tag ORDER BY count DESC, tag COLLATE "C" LIMIT {most}
)"""
# The column of each facet, and the filter that it ignores. A clip has one genre, and the filter
# takes several: a facet that obeyed it would show only those chosen already. Tags are different,
# because clips must have all of those chosen: the facet shows which of them lead further.
FACETS: Mapping[str, tuple[str, str]] = {
    "genres": ("genre", "genre"),
    "tags": ("tags", ""),
    "licences": ("licence", "licence"),
    "creators": ("creator", "creator"),
}

# By facet and conditions: the library's number of changes, and the values.
kept_facets: dict[tuple[str, str], tuple[int, list[Row]]] = {}
# A count takes most of a core. So a process makes one at a time, and one more request waits for its
# turn: requests for other things have the rest of the threads.
_counting = Lock()
_waiting = Lock()


class Facets(CountedRequests, APIView):
    """GET /api/v1/facets."""

    @described.facets
    def get(self, request: Request) -> HttpResponseBase:
        query = parameters.read(request.query_params, parameters.CLIP_FILTERS)
        changes = library_token().changes  # before the counts, which are at least as recent
        number = matching_count(matching(query))
        found = {"clips": number, **facets_of(query, changes)}
        may_be_kept(request, "library")
        return revalidated(request, represented(found))


def facets_of(query: Mapping[str, Any], changes: int) -> dict[str, list[Row]]:
    """Return the most frequent values of each facet with their counts.

    They are kept until a clip changes: without filters, a count reads every clip. Raises
    FacetsBusy if other requests are counting theirs.
    """
    conditions = {
        name: matching({key: value for key, value in query.items() if key != ignored})
        for name, (_, ignored) in FACETS.items()
    }
    found = _kept(conditions, changes)
    if len(found) < len(FACETS):
        with _turn():
            found = _kept(conditions, changes)
            missing: dict[str, list[str]] = {}
            for name in FACETS.keys() - found.keys():
                missing.setdefault(repr(conditions[name]), []).append(name)
            if len(kept_facets) > KEPT:
                kept_facets.clear()
            for key, names in missing.items():
                for name, values in count(conditions[names[0]], names).items():
                    found[name] = values
                    kept_facets[name, key] = changes, values
    return {name: found[name] for name in FACETS}


@contextmanager
def _turn() -> Iterator[None]:
    """Wait until no other request counts. Raises FacetsBusy if that takes too long."""
    if not _counting.acquire(blocking=False):
        if not _waiting.acquire(blocking=False):
            raise FacetsBusy
        try:
            if not _counting.acquire(timeout=PATIENCE):
                raise FacetsBusy
        finally:
            _waiting.release()
    try:
        yield
    finally:
        _counting.release()


def _kept(conditions: Mapping[str, Conditions], changes: int) -> dict[str, list[Row]]:
    """Return the facets that were counted after the last change."""
    kept = {name: kept_facets.get((name, repr(each))) for name, each in conditions.items()}
    return {name: found[1] for name, found in kept.items() if found and found[0] == changes}


def count(conditions: Conditions, names: Sequence[str]) -> dict[str, list[Row]]:
    """Return the most frequent values of these facets among the clips that meet the conditions."""
    columns = [FACETS[name][0] for name in names]
    facets = []
    for place, (name, column) in enumerate(zip(names, columns, strict=True)):
        others = 2 ** len(names) - 1 - 2 ** (len(names) - 1 - place)  # as grouping() has them
        facet = _OF_TAGS if column == "tags" else _OF_COLUMN
        facets.append(facet.format(facet=name, column=column, others=others, most=MOST))
    statement = _STATEMENT.format(
        columns=", ".join(columns),
        conditions=" AND ".join(conditions.sql),
        sets=", ".join(f"({column})" for column in columns),
        facets=" UNION ALL ".join(facets),
    )
    values: dict[str, list[Row]] = {name: [] for name in names}
    for row in read(statement, conditions.values):
        values[row.pop("facet")].append(row)
    return values
