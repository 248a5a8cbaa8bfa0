"""Help with queries: suggestions while they are typed, and other spellings if nothing matches."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from library.api import parameters
from library.api.authentication import CountedRequests
from library.api.etags import represented, revalidated
from library.api.filters import matching
from library.api.openapi import suggestions as described
from library.models.rows import read
from library.search.spelling import did_you_mean
from library.search.suggestions import suggestions
from library.search.vocabulary import vocabulary

DID_YOU_MEAN = "X-Did-You-Mean"


class Suggest(CountedRequests, APIView):
    """GET /api/v1/suggest."""

    @described.suggest
    def get(self, request: Request) -> HttpResponse:
        query = parameters.read(request.query_params, parameters.SUGGEST)
        vocabulary.prepare()  # for the search that follows
        found = suggestions(query.get("q", ""))
        return revalidated(request, represented([asdict(suggestion) for suggestion in found]))


def spelling_headers(query: Mapping[str, Any]) -> dict[str, str]:
    """Return the header with the `better_spelling`, if there is one, in percent-encoded UTF-8."""
    better = better_spelling(query)
    return {DID_YOU_MEAN: quote(better)} if better else {}


def better_spelling(query: Mapping[str, Any]) -> str | None:
    """Return another spelling of the search that finds clips, or None.

    `query` has the parameters of a list without clips.
    """

    def is_found(search: str) -> bool:
        conditions = matching({**query, "search": search})
        where = " AND ".join(conditions.sql)
        return bool(read(f"SELECT 1 FROM library_clip WHERE {where} LIMIT 1", conditions.values))

    return did_you_mean(query["search"], is_found)
