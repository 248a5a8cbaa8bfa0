"""The calls of clips: HTTP in, one call down, JSON out."""

from typing import Any, cast

from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.reverse import reverse

from library.api import schema
from library.api.pagination import LinkPagination
from library.api.serializers import ClipSerializer
from library.api.stream import stream_clip
from library.models import Clip


class AnyAccept(BaseContentNegotiation):
    """Takes every Accept header: players send many, and the audio's type is not negotiable."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        """JSON, in which the errors are told."""
        return renderers[0], renderers[0].media_type


@schema.describe_clips
class ClipViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.CreateModelMixin,
    viewsets.GenericViewSet[Clip],
):
    """Clips: list, show, add, stream."""

    queryset: QuerySet[Clip] = Clip.objects.all()
    serializer_class = ClipSerializer
    pagination_class = LinkPagination
    lookup_value_regex = r"[0-9]{1,18}"

    def get_success_headers(self, data: Any) -> dict[str, str]:
        """The path of the clip that was made."""
        return {"Location": reverse("clip-detail", args=[data["id"]])}

    @action(detail=True, content_negotiation_class=AnyAccept)
    def stream(self, request: Request, pk: str) -> HttpResponseBase:
        """The clip's audio."""
        return stream_clip(cast("HttpRequest", request), self.get_object())
