"""Suggestions of genres and tags: the text input that shows them and the view that returns them."""

from typing import Any

from django.forms import TextInput
from django.http import HttpRequest, JsonResponse
from django.urls import reverse_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from library.admin.base import any_permission_required
from library.models.vocabulary import known_genres, known_tags


def words_input(kind: str, **attrs: Any) -> TextInput:
    """Return an input for a `genre`, or for one or more `tag`s; list.js fills in the list."""
    suggested = {"data-words": kind, "data-words-url": reverse_lazy("admin:library_clip_words")}
    widget: TextInput = UnfoldAdminTextInputWidget({**attrs, **suggested, "autocomplete": "off"})
    return widget


@any_permission_required("library.view_clip", "library.change_clip")
def words(request: HttpRequest) -> JsonResponse:
    """Return the genres and tags of the library."""
    return JsonResponse({"genre": known_genres(), "tag": known_tags()})
