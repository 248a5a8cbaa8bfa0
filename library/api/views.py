"""The calls of clips: HTTP in, one call down, JSON out."""

from typing import Any, cast

from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response

from library.api import schema
from library.api.errors import Gone
from library.api.etags import clip_etag
from library.api.pagination import LinkPagination
from library.api.serializers import ClipSerializer
from library.api.stream import stream_clip
from library.api.writes import ClipWrites
from library.models import Clip


class AnyAccept(BaseContentNegotiation):
    """Takes every Accept header: players send many, and the audio's type is not negotiable."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        """JSON, in which the errors are told."""
        return renderers[0], renderers[0].media_type


@schema.describe_clips
class ClipViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ClipWrites):
    """Clips: list, show, stream; adding, changing and deleting them is in writes.py."""

    queryset: QuerySet[Clip] = Clip.objects.all()
    serializer_class = ClipSerializer
    pagination_class = LinkPagination
    lookup_value_regex = r"[0-9]{1,18}"

    def get_queryset(self) -> QuerySet[Clip]:
        """The list has no deleted clips; by its id one is found, to be told from none."""
        clips = super().get_queryset()
        return clips.filter(deleted_at=None) if self.action == "list" else clips

    def get_object(self) -> Clip:
        """The clip. Raises Http404, Gone."""
        clip = super().get_object()
        if clip.deleted_at is not None:
            raise Gone
        return clip

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One clip, with its entity tag."""
        clip = self.get_object()
        return Response(self.get_serializer(clip).data, headers={"ETag": clip_etag(clip)})

    @action(
        detail=True,
        content_negotiation_class=AnyAccept,
        authentication_classes=[],
        throttle_classes=[],
    )
    def stream(self, request: Request, pk: str) -> HttpResponseBase:
        """The clip's audio."""
        return stream_clip(cast("HttpRequest", request), self.get_object())
