"""Clips: found, added, edited and heard."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ERROR_FLAG, ORDER_VAR, ChangeList
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.models import QuerySet
from django.forms import Script
from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path

from library.admin.bulk.deletion import Deletion
from library.admin.bulk.edit import BulkEdit
from library.admin.bulk.states import StateActions
from library.admin.clips.changelist import ClipChangeList, found
from library.admin.clips.columns import ClipColumns
from library.admin.clips.filters import FILTERS
from library.admin.clips.ordering import DEFAULT, remember
from library.admin.clips.page import ClipPage
from library.admin.exchange import ClipExchange
from library.admin.suggestions import known_words
from library.audio.errors import AudioUnavailableError
from library.models import Clip
from library.sources.opening import open_audio
from library.streams.delivery import deliver


@admin.register(Clip)
class ClipAdmin(ClipExchange, StateActions, BulkEdit, Deletion, ClipColumns, ClipPage):
    """Clips, found by their words or what they are, and heard without counting a play."""

    actions = ("bulk_edit", "publish", "make_draft", "withdraw", "delete_selected", "restore")
    change_list_template = "library/admin/clips/change_list.html"
    list_before_template = "library/admin/clips/_active_filters.html"
    list_filter = FILTERS
    list_filter_submit = True
    list_per_page = 50
    search_fields = ("search_vector",)  # see get_search_results
    search_help_text = "Title, tag, creator, number or URL"
    show_facets = admin.ShowFacets.NEVER  # they would count all clips for each choice
    show_full_result_count = False

    class Media:
        """What the list and the pages of its actions need in the browser."""

        js = (
            Script("library/player.js", type="module"),
            Script("library/admin/clips/list.js", type="module"),
        )

    def get_urls(self) -> list[URLPattern]:
        """The admin's own paths, the audio for editors, and the words for their forms."""
        view = self.admin_site.admin_view
        own = [
            path("<int:pk>/audio", view(self.audio), name="library_clip_audio"),
            path("words", view(self.words), name="library_clip_words"),
        ]
        return [*own, *super().get_urls()]

    def audio(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The clip's audio for an editor's ears: not a play."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        clip = get_object_or_404(Clip, pk=pk)
        connection.close()  # a fetch from an origin may take long
        try:
            return deliver(request, open_audio(clip), clip.title).response
        except AudioUnavailableError as error:
            return HttpResponse(error.detail, status=error.status, content_type="text/plain")

    def words(self, request: HttpRequest) -> HttpResponse:
        """The genres and tags that clips have, to be suggested."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return JsonResponse(known_words())

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        """Our list."""
        return ClipChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list; its order is kept for the next time if it was asked for."""
        ticked = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if not all(number.isascii() and number.isdecimal() for number in ticked):
            messages.warning(request, "Nothing was done: clips are ticked by their numbers.")
            return HttpResponseRedirect(request.get_full_path())
        if ERROR_FLAG in request.GET:
            messages.warning(request, "There is no such filter or page: this is the whole list.")
        response = super().changelist_view(request, extra_context)
        if ORDER_VAR in request.GET:
            remember(request, response, request.GET[ORDER_VAR] or DEFAULT)
        return response

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Clip], search_term: str
    ) -> tuple[QuerySet[Clip], bool]:
        """By the full text, as the API searches: a LIKE would read every clip."""
        return (found(queryset, search_term) if search_term.strip() else queryset), False

    def get_actions(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Deleted clips can be restored, and nothing else be done to them."""
        actions = super().get_actions(request, *args, **kwargs)
        deleted = request.GET.get("deleted") == "yes"
        return {name: action for name, action in actions.items() if (name == "restore") == deleted}
