"""Views of play statistics, as JSON or CSV."""

import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from library.api import parameters
from library.api.authentication import CountedRequests
from library.api.errors import ClipNotFound
from library.api.etags import Representation, digest_of, revalidated
from library.api.filters import matching
from library.api.json_bodies import JSON_ACCEPTED, JSONRenderer
from library.api.openapi import statistics as described
from library.api.pagination import page_of
from library.api.statistics_tables import clips_table, series_table
from library.models.rows import Row, read
from library.statistics.audience import Audience
from library.statistics.clip import clip_statistics
from library.statistics.clips import COLUMNS, clips_statistics, missing_clips
from library.statistics.library import library_statistics


class CSVRenderer(BaseRenderer):
    """Stands for CSV in the negotiation of the format; `statistics_tables` makes the tables."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"


# `as_of` and `ranked_as_of` in JSON, whose strings contain no unescaped quote.
_MOMENTS = re.compile(rb'as_of":(?:"[^"]*"|null)')


class StatisticsView(CountedRequests, APIView):
    """A view that returns JSON or CSV. `?format=` takes precedence over `Accept`."""

    renderer_classes = (JSONRenderer, CSVRenderer)

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        if wanted := request.query_params.get("format", "").strip():
            renderer = CSVRenderer() if wanted == CSVRenderer.format else JSONRenderer()
            return renderer, renderer.media_type  # an invalid format is an error of the parameters
        if request.META.get("HTTP_ACCEPT", "*/*") in JSON_ACCEPTED:
            return JSONRenderer(), JSONRenderer.media_type
        return super().perform_content_negotiation(request, force)

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        request.accepted_renderer = JSONRenderer()  # there is no series for CSV
        request.accepted_media_type = JSONRenderer.media_type
        return super().options(request, *args, **kwargs)


class ClipStatistics(StatisticsView):
    """GET /api/v1/clips/{id}/stats."""

    @described.clip_statistics
    def get(self, request: Request, pk: str) -> HttpResponse:
        query = parameters.read(request.query_params, parameters.CLIP_STATISTICS)
        now = timezone.now()
        period = parameters.read_period(query, now)
        found = clip_statistics(int(pk), period, now, Audience(query["audience"]))
        if found is None:
            raise ClipNotFound
        return _response(request, found, f"clip-{pk}", series_table)


class LibraryStatistics(StatisticsView):
    """GET /api/v1/stats."""

    @described.library_statistics
    def get(self, request: Request) -> HttpResponse:
        query = parameters.read(request.query_params, parameters.LIBRARY_STATISTICS)
        now = timezone.now()
        period = parameters.read_period(query, now)
        audience = Audience(query["audience"])
        found = library_statistics(period, query["window"], query["limit"], now, audience)
        return _response(request, found, "library", series_table)


class ClipsStatistics(StatisticsView):
    """GET /api/v1/stats/clips."""

    @described.clips_statistics
    def get(self, request: Request) -> HttpResponse:
        query = parameters.read(request.query_params, parameters.CLIPS_STATISTICS)
        now = timezone.now()
        with_series = "interval" in query
        period = parameters.read_period(query, now)
        if with_series:
            parameters.check_series(period, query["limit"])
        rows, headers, *_ = page_of(request, query, COLUMNS)
        audience = Audience(query["audience"])
        found = clips_statistics(rows, period, now, audience, with_series=with_series)
        found["missing"] = _missing(query)
        table = partial(clips_table, with_series=with_series)
        return _response(request, found, "clips", table, headers)


def _missing(query: dict[str, Any]) -> list[Row]:
    """Return the requested ids that are on no page, each with the reason."""
    if "ids" not in query:
        return []
    conditions = matching(query)
    statement = f"SELECT id FROM library_clip WHERE {' AND '.join(conditions.sql)}"
    found = {row["id"] for row in read(statement, conditions.values)}
    return missing_clips(set(query["ids"]) - found)


def _response(
    request: Request,
    found: dict[str, Any],
    of: str,
    table: Callable[[dict[str, Any]], str],
    headers: dict[str, str] | None = None,
) -> HttpResponse:
    """Return the response without DRF's, which is a template that renders itself later.

    The tag is weak, because it ignores the moments at which the statistics were read and the clips
    ranked: a 304 means that nothing else differs.
    """
    headers = headers or {}
    if isinstance(request.accepted_renderer, CSVRenderer):
        body = table(found).encode(CSVRenderer.charset)
        since, until = (found["period"][edge][:10] for edge in ("since", "until"))
        name = f"{of}-plays-{since}-to-{until}.csv"
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
        kind = f"{CSVRenderer.media_type}; charset={CSVRenderer.charset}"
        steady = body
    else:
        found["counting_rule"] = request.build_absolute_uri(_rule())
        body, kind = JSONRenderer().render(found), JSONRenderer.media_type
        steady = _MOMENTS.sub(b"", body)
    digest = digest_of(steady, headers)
    shown = Representation(body, "", digest, weak=True, media_type=kind)
    return revalidated(request, shown, headers)


@cache
def _rule() -> str:
    return reverse("counting-rule")
