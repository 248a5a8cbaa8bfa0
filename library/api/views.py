"""Views of clips."""

from typing import cast

from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from library.api import parameters
from library.api.errors import ClipNotFound, OtherVersion
from library.api.etags import is_unmodified, may_be_kept, represented, revalidated, version
from library.api.kept_rows import fragments
from library.api.negotiation import AnyAccept
from library.api.openapi import operations
from library.api.pagination import page_of
from library.api.representation import FIELDS, columns, select_list, shown
from library.api.serializers import ClipSerializer
from library.api.stream import stream_clip
from library.api.stream_steps import count_refusal, variant_of
from library.api.uploads import ClipUploads
from library.api.visibility import VISIBILITY, check_visible
from library.models import Clip
from library.models.rows import read

# The columns that streaming needs.
STREAMED = ("title", "audio_url", "audio_file", "audio", "renditions", *VISIBILITY)


@extend_schema(tags=["clips"])
@operations.describe_clips
class ClipViewSet(ClipUploads):
    """List, show and stream clips; changing them is in ClipWrites and ClipUploads."""

    queryset: QuerySet[Clip] = Clip.objects.all()
    serializer_class = ClipSerializer
    lookup_value_regex = r"[0-9]{1,18}"

    def list(self, request: Request) -> HttpResponseBase:
        query = parameters.read(request.query_params, parameters.LIST)
        fields = query.get("fields", FIELDS)
        rows, headers = page_of(request, query, columns(fields))
        may_be_kept(request, "library")
        shown_clips = [*fragments(rows, request, fields)]
        return revalidated(request, represented(shown_clips, headers=headers), headers)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        fields = parameters.read(request.query_params, parameters.SHOW).get("fields", FIELDS)
        needed = dict.fromkeys((*columns(fields), "updated_at", *VISIBILITY))
        statement = f"SELECT {select_list(needed)} FROM library_clip WHERE id = %s"
        rows = read(statement, [int(pk)], prepared=True)
        if not rows:
            raise ClipNotFound
        check_visible(rows[0])
        (clip,) = shown(rows, request, fields)
        may_be_kept(request, ("clip", int(pk)))
        changed_at = rows[0]["updated_at"]
        if "If-Match" not in request.headers and not is_unmodified(request, changed_at):
            raise OtherVersion
        return revalidated(request, represented(clip, version(int(pk), changed_at)))

    @action(
        detail=True,
        content_negotiation_class=AnyAccept,
        authentication_classes=[],
        throttle_classes=[],
    )
    def stream(self, request: Request, pk: str) -> HttpResponseBase:
        variant = variant_of(request.META["QUERY_STRING"])
        clip = get_object_or_404(Clip.objects.only(*STREAMED), pk=pk)
        check_visible(vars(clip))
        return stream_clip(cast("HttpRequest", request), clip, variant)

    def handle_exception(self, exc: Exception) -> Response:
        # A HEAD request is not a failed stream.
        if self.action == "stream" and self.request.method == "GET":
            count_refusal(exc)
        return super().handle_exception(exc)
