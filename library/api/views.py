"""Views of clips."""

from typing import Any, cast

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
from library.api.etags import (
    CHANGES,
    LIBRARY,
    is_unmodified,
    may_be_kept,
    represented,
    revalidated,
    version,
)
from library.api.kept_rows import fragments
from library.api.list_formats.formats import (
    ListFormat,
    chosen_format,
    columns_of,
    represented_as,
    shows_only_the_library,
)
from library.api.list_formats.negotiated import NegotiatedList
from library.api.negotiation import AnyAccept
from library.api.openapi import operations
from library.api.pagination import page_of
from library.api.representation import FIELDS, columns, select_list, shown
from library.api.serializers import ClipSerializer
from library.api.sorting import is_by_plays, is_by_recent_plays
from library.api.stream import stream_clip
from library.api.stream_steps import count_refusal, variant_of
from library.api.suggestions import spelling_headers
from library.api.uploads import ClipUploads
from library.api.visibility import VISIBILITY, check_visible
from library.models import Clip
from library.models.rows import read
from library.search.vocabulary import vocabulary

# The columns that streaming needs.
STREAMED = ("title", "audio_url", "audio_file", "audio", "renditions", *VISIBILITY)


@extend_schema(tags=["clips"])
@operations.describe_clips
class ClipViewSet(NegotiatedList, ClipUploads):
    """List, show and stream clips; changing them is in ClipWrites and ClipUploads."""

    queryset: QuerySet[Clip] = Clip.objects.all()
    serializer_class = ClipSerializer
    lookup_value_regex = r"[0-9]{1,18}"

    def list(self, request: Request) -> HttpResponseBase:
        query = parameters.read(request.query_params, parameters.LIST)
        return list_response(request, query, chosen_format(request, query))

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


def list_response(
    request: Request, query: dict[str, Any], chosen: ListFormat | None
) -> HttpResponseBase:
    """Return the page of the list that the parameters choose, in a format; None is JSON."""
    fields = query.get("fields", FIELDS)
    needed = columns_of(chosen, fields) if chosen else columns(fields)
    if "search" in query:
        vocabulary.prepare()
    rows, headers, links = page_of(request, query, needed)
    is_complete = shows_only_the_library(chosen, rows)
    if not rows and "cursor" not in query and query.get("search"):
        headers |= spelling_headers(query)
        is_complete &= vocabulary.is_current()
    # The sums of recent plays change without the library.
    if is_complete and not is_by_recent_plays(query):
        shows_plays = "play_count" in needed or is_by_plays(query)
        may_be_kept(request, LIBRARY if shows_plays else CHANGES)
    if chosen:
        shown_list = represented_as(chosen, request, rows, links, headers, fields)
    else:
        shown_list = represented([*fragments(rows, request, fields)], headers=headers)
    return revalidated(request, shown_list, headers)
