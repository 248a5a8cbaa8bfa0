"""Views of clips."""

from collections.abc import Mapping
from typing import Any, cast

from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response

from library.api import parameters
from library.api.errors import ClipNotFound, Gone, Withdrawn
from library.api.etags import revalidated, version
from library.api.filters import matching
from library.api.openapi import operations
from library.api.pagination import page_of
from library.api.representation import FIELDS, columns, shown_to
from library.api.serializers import ClipSerializer
from library.api.stream import count_refusal, stream_clip
from library.api.writes import ClipWrites
from library.models import Clip, State

VISIBILITY = ("state", "withdrawn_reason", "deleted_at")  # columns that `check_visible` needs
STREAMED = ("title", "audio_url", "audio_file", *VISIBILITY)  # columns that streaming needs


def check_visible(row: Mapping[str, Any]) -> None:
    """Raise Gone, Withdrawn or, for a draft, ClipNotFound unless the public may see the clip."""
    if row["deleted_at"] is not None:
        raise Gone
    if row["state"] == State.WITHDRAWN:
        raise Withdrawn(row["withdrawn_reason"])
    if row["state"] == State.DRAFT:
        raise ClipNotFound


class AnyAccept(BaseContentNegotiation):
    """Ignores Accept: players send many values, and the audio's type is not negotiable."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type  # JSON, for errors


@extend_schema(tags=["clips"])
@operations.describe_clips
class ClipViewSet(ClipWrites):
    """List, show and stream clips; adding, changing and deleting them is in ClipWrites."""

    queryset: QuerySet[Clip] = Clip.objects.all()
    serializer_class = ClipSerializer
    lookup_value_regex = r"[0-9]{1,18}"

    def list(self, request: Request) -> Response:
        query = parameters.read(request.query_params, parameters.LIST)
        fields = query.get("fields", FIELDS)
        clips = Clip.objects.available()
        rows, headers = page_of(matching(clips, query), request, query, columns(fields))
        shown = [*map(shown_to(request, fields), rows)]
        return revalidated(request, Response(shown, headers=headers))

    def retrieve(self, request: Request, pk: str) -> Response:
        fields = parameters.read(request.query_params, parameters.SHOW).get("fields", FIELDS)
        needed = {*columns(fields), "updated_at", *VISIBILITY}
        row = get_object_or_404(Clip.objects.values(*needed), pk=pk)
        check_visible(row)
        shown = Response(shown_to(request, fields)(row))
        return revalidated(request, shown, version(row["id"], row["updated_at"]))

    @action(
        detail=True,
        content_negotiation_class=AnyAccept,
        authentication_classes=[],
        throttle_classes=[],
    )
    def stream(self, request: Request, pk: str) -> HttpResponseBase:
        clip = get_object_or_404(Clip.objects.only(*STREAMED), pk=pk)
        check_visible(vars(clip))
        return stream_clip(cast("HttpRequest", request), clip)

    def handle_exception(self, exc: Exception) -> Response:
        # A HEAD request is not a failed stream.
        if self.action == "stream" and self.request.method == "GET":
            count_refusal(exc)
        return super().handle_exception(exc)
