"""Views of play statistics, as JSON or CSV."""

import csv
from functools import cache
from io import StringIO
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
from library.api.etags import Representation, digest_of, represented, revalidated
from library.api.json_bodies import JSON_ACCEPTED, JSONRenderer
from library.api.openapi import statistics as described
from library.statistics.clip import clip_statistics
from library.statistics.library import library_statistics


class CSVRenderer(BaseRenderer):
    """Renders the series as CSV (RFC 4180) with the columns `start` and `plays`."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> str:
        table = StringIO(newline="")
        writer = csv.writer(table)
        writer.writerow(("start", "plays"))
        writer.writerows((bucket["start"], bucket["plays"]) for bucket in data["series"])
        return table.getvalue()


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
        found = clip_statistics(int(pk), parameters.read_period(query, now), now)
        if found is None:
            raise ClipNotFound
        return _response(request, found)


class LibraryStatistics(StatisticsView):
    """GET /api/v1/stats."""

    @described.library_statistics
    def get(self, request: Request) -> HttpResponse:
        query = parameters.read(request.query_params, parameters.LIBRARY_STATISTICS)
        now = timezone.now()
        period = parameters.read_period(query, now)
        found = library_statistics(period, query["window"], query["limit"], now)
        return _response(request, found)


def _response(request: Request, found: dict[str, Any]) -> HttpResponse:
    """Return the response without DRF's, which is a template that renders itself later."""
    found["counting_rule"] = request.build_absolute_uri(_rule())
    if isinstance(request.accepted_renderer, CSVRenderer):
        return _as_csv(request, found)
    # The tag is weak, because `as_of` differs each time: a 304 means that nothing else does.
    as_of = JSONRenderer().render({"as_of": found.pop("as_of")})
    steady = represented(found)
    body = steady.body.removesuffix(b"}") + b"," + as_of.removeprefix(b"{")
    return revalidated(request, steady._replace(body=body, weak=True))


def _as_csv(request: Request, found: dict[str, Any]) -> HttpResponse:
    """Return the series as a file, with a weak tag as JSON has it."""
    of = f"clip-{found['id']}" if "id" in found else "library"
    since, until = (found["period"][edge][:10] for edge in ("since", "until"))
    name = f"{of}-plays-{since}-to-{until}.csv"
    body = CSVRenderer().render(found).encode(CSVRenderer.charset)
    kind = f"{CSVRenderer.media_type}; charset={CSVRenderer.charset}"
    table = Representation(body, "", digest_of(body), weak=True, media_type=kind)
    return revalidated(request, table, {"Content-Disposition": f'attachment; filename="{name}"'})


@cache
def _rule() -> str:
    return reverse("counting-rule")
