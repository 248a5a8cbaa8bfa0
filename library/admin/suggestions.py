"""Suggestions of genres, tags and creators: the input that shows them, and their view."""

from typing import Any

from django.forms import TextInput
from django.http import HttpRequest, JsonResponse
from django.urls import reverse_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from library.admin.base import any_permission_required
from library.models.vocabulary import known_creators, known_genres, known_tags


def words_input(kind: str, **attrs: Any) -> TextInput:
    """Return an input for a `genre`, a `creator` or `tag`s; list.js fills in the list."""
    suggested = {"data-words": kind, "data-words-url": reverse_lazy("admin:library_clip_words")}
    widget: TextInput = UnfoldAdminTextInputWidget({**attrs, **suggested, "autocomplete": "off"})
    return widget


@any_permission_required("library.view_clip", "library.change_clip")
def words(request: HttpRequest) -> JsonResponse:
    """Return the genres, tags and creators of the library."""
    return JsonResponse({"genre": known_genres(), "tag": known_tags(), "creator": known_creators()})
