"""Views of play statistics, as JSON or CSV."""

import csv
from io import StringIO
from typing import Any

from django.utils import timezone
from rest_framework.generics import get_object_or_404
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from library.api import parameters
from library.api.json_bodies import JSONRenderer
from library.api.openapi import statistics as described
from library.models import Clip, State
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


class StatisticsView(APIView):
    """A view that returns JSON or CSV. `?format=` takes precedence over `Accept`."""

    renderer_classes = (JSONRenderer, CSVRenderer)

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        if wanted := request.query_params.get("format"):
            renderer = CSVRenderer() if wanted == CSVRenderer.format else JSONRenderer()
            return renderer, renderer.media_type  # an invalid format is an error of the parameters
        return super().perform_content_negotiation(request, force)

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        request.accepted_renderer = JSONRenderer()  # there is no series for CSV
        request.accepted_media_type = JSONRenderer.media_type
        return super().options(request, *args, **kwargs)


class ClipStatistics(StatisticsView):
    """GET /api/v1/clips/{id}/stats."""

    @described.clip_statistics
    def get(self, request: Request, pk: str) -> Response:
        query = parameters.read(request.query_params, parameters.CLIP_STATISTICS)
        period = parameters.read_period(query)
        clip = get_object_or_404(Clip.objects.exclude(state=State.DRAFT), pk=pk)
        return _response(request, clip_statistics(clip, period, timezone.now()))


class LibraryStatistics(StatisticsView):
    """GET /api/v1/stats."""

    @described.library_statistics
    def get(self, request: Request) -> Response:
        query = parameters.read(request.query_params, parameters.LIBRARY_STATISTICS)
        period = parameters.read_period(query)
        found = library_statistics(period, query["window"], query["limit"], now=timezone.now())
        return _response(request, found)


def _response(request: Request, found: dict[str, Any]) -> Response:
    rule = {"counting_rule": reverse("counting-rule", request=request)}
    return Response(found | rule, headers={"Cache-Control": "no-cache"})
