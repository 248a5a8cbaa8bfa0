"""Fields that suggest the words which clips have been given."""

from typing import Any

from django.forms import TextInput
from django.urls import reverse_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from library.models.vocabulary import known_genres, known_tags


def words_input(of: str, **attrs: Any) -> TextInput:
    """A line of text for a `genre`, or for a `tag` or several; list.js suggests some."""
    suggested = {"data-words": of, "data-words-url": reverse_lazy("admin:library_clip_words")}
    widget: TextInput = UnfoldAdminTextInputWidget({**attrs, **suggested, "autocomplete": "off"})
    return widget


def known_words() -> dict[str, list[str]]:
    """What is suggested."""
    return {"genre": known_genres(), "tag": known_tags()}
