"""The statistics calls: what is asked, as JSON or as CSV."""

import csv
from collections.abc import Mapping
from io import StringIO
from typing import Any

from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from library.api.openapi import statistics as described
from library.api.openapi.statistics import DEFAULT_TOP, DEFAULT_WINDOW
from library.api.rendering import JSONRenderer
from library.models import Clip, State
from library.statistics.clip import clip_statistics
from library.statistics.library import TOP_WINDOWS, library_statistics
from library.statistics.period import Period, PeriodError, parse_period
from library.statistics.ranking import TOP

PERIOD = ("interval", "since", "until", "timezone")
FORMATS = ("json", "csv")


class CSVRenderer(BaseRenderer):
    """The series as CSV (RFC 4180): `start,plays`. Errors stay JSON."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> str:
        """The table."""
        table = StringIO(newline="")
        writer = csv.writer(table)
        writer.writerow(("start", "plays"))
        writer.writerows((bucket["start"], bucket["plays"]) for bucket in data["series"])
        return table.getvalue()


class StatisticsAnswers(APIView):
    """A view whose answers are JSON or CSV, as `Accept` or `?format=` says; errors are JSON."""

    renderer_classes = (JSONRenderer, CSVRenderer)

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        """`?format=` first, then what `Accept` prefers."""
        asked = request.query_params.get("format")
        if asked is None:
            return super().perform_content_negotiation(request, force)
        for renderer in self.get_renderers():
            if renderer.format == asked:
                return renderer, renderer.media_type
        raise ValidationError({"format": [f"Must be one of {', '.join(FORMATS)}."]})

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """What the call is: no series, so JSON whatever is asked for."""
        request.accepted_renderer = JSONRenderer()
        request.accepted_media_type = JSONRenderer.media_type
        return super().options(request, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Response:
        """Errors are told as everywhere."""
        self.request.accepted_renderer = JSONRenderer()
        self.request.accepted_media_type = JSONRenderer.media_type
        return super().handle_exception(exc)


class ClipStatistics(StatisticsAnswers):
    """GET /api/v1/clips/{id}/stats."""

    @described.clip_statistics
    def get(self, request: Request, pk: str) -> Response:
        """A clip's plays: in all, lately, and in a period."""
        clip = get_object_or_404(Clip.objects.exclude(state=State.DRAFT), pk=pk)
        found = clip_statistics(clip, _period(_asked(request, *PERIOD)), timezone.now())
        return _answer(request, found)


class LibraryStatistics(StatisticsAnswers):
    """GET /api/v1/stats."""

    @described.library_statistics
    def get(self, request: Request) -> Response:
        """The library's clips and plays, and its top clips."""
        asked = _asked(request, *PERIOD, "window", "limit")
        found = library_statistics(
            _period(asked), _window(asked), _limit(asked), now=timezone.now()
        )
        return _answer(request, found)


def _answer(request: Request, found: dict[str, Any]) -> Response:
    rule = {"counting_rule": reverse("counting-rule", request=request)}
    return Response(found | rule, headers={"Cache-Control": "no-cache"})


def _asked(request: Request, *allowed: str) -> Mapping[str, str]:
    """The query's parameters, each at most once. Raises ValidationError for any other."""
    allowed = (*allowed, "format")
    errors: dict[str, list[str]] = {}
    for name in request.query_params:
        if name not in allowed:
            errors[name] = [f"Unknown parameter. Allowed are: {', '.join(allowed)}."]
        elif len(request.query_params.getlist(name)) > 1:
            errors[name] = ["Give it once."]
    if errors:
        raise ValidationError(errors)
    return request.query_params


def _period(asked: Mapping[str, str]) -> Period:
    try:
        interval, since, until, zone = (asked.get(name) for name in PERIOD)
        return parse_period(interval, since, until, zone, timezone.now())
    except PeriodError as error:
        raise ValidationError({error.field: [error.message]}) from None


def _window(asked: Mapping[str, str]) -> str:
    window = asked.get("window", DEFAULT_WINDOW)
    if window not in TOP_WINDOWS:
        raise ValidationError({"window": [f"Must be one of {', '.join(TOP_WINDOWS)}."]})
    return window


def _limit(asked: Mapping[str, str]) -> int:
    limit = asked.get("limit", str(DEFAULT_TOP))
    if not (limit.isascii() and limit.isdecimal() and len(limit) < 5 and 1 <= int(limit) <= TOP):
        raise ValidationError({"limit": [f"Must be a whole number from 1 to {TOP}."]})
    return int(limit)
