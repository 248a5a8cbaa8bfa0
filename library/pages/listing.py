"""GET /: the library, the newest clips first, with search, filters and pages."""

from array import array
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import View

from library.api.suggestions import better_spelling
from library.models import Clip
from library.pages.cards import cards_of
from library.pages.chips import chips_of
from library.pages.choices import (
    FILTERS,
    NAMES,
    PAGE,
    SEARCH,
    Choice,
    InvalidChoiceError,
    label_of,
    read_choice,
)
from library.pages.matches import ids_of
from library.search.vocabulary import vocabulary

CLIPS_SHOWN = 24  # on a page
AROUND = 1  # pages before and after the current one that have a link, besides the first and last
# The columns that cards show.
_SHOWN = (
    *("title", "creator", "genre", "duration", "tags", "licence", "play_count"),
    *("audio", "renditions"),
)
_TITLES = {SEARCH: "Search", PAGE: "Page"}
TEMPLATE = "library/pages/listing.html"


class Listing(View):
    """GET /. The costs of a page depend neither on its number nor on the size of the library."""

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            choice = read_choice(request.GET)
        except InvalidChoiceError as error:
            return _refused(request, error)
        if choice.search:
            vocabulary.prepare()
        ids = ids_of(choice.query)
        last = max(1, -(-len(ids) // CLIPS_SHOWN))
        context = {
            **_form(choice),
            "total": len(ids),
            "last": last,
            "last_url": choice.url(last),
            "url": choice.url(choice.page),
        }
        if choice.page > last:
            return render(request, TEMPLATE, context | {"is_past_end": True}, status=404)
        end = len(ids) - CLIPS_SHOWN * (choice.page - 1)
        shown = ids[max(0, end - CLIPS_SHOWN) : end][::-1]
        context |= {
            "cards": cards_of(_clips(shown)),
            "chips": chips_of(choice, ids),
            "pages": _pages(choice, last),
            "previous_url": choice.url(choice.page - 1) if choice.page > 1 else "",
            "next_url": choice.url(choice.page + 1) if choice.page < last else "",
        }
        if not ids and choice.search and (better := better_spelling(choice.query)):
            context |= {"better": better, "better_url": choice.with_search(better)}
        return render(request, TEMPLATE, context)


def _clips(ids: "array[int]") -> list[Clip]:
    """Return the public clips with these ids in their order."""
    found = Clip.objects.available().only(*_SHOWN).in_bulk(list(ids))
    return [found[pk] for pk in ids if pk in found]


def _form(choice: Choice, errors: Any = None) -> dict[str, Any]:
    """Return the values of the form, and a link for each chosen filter that removes it."""
    errors = errors or {}
    return {
        "choice": choice,
        "chosen": [
            (label_of(*pair), choice.minus(pair)) for pair in choice.pairs if pair[0] in FILTERS
        ],
        # An invalid filter would make the next search fail, too.
        "hidden": [pair for pair in choice.filters if pair[0] not in errors],
        "without_search_url": choice.with_search("") if choice.search else "",
    }


def _refused(request: HttpRequest, error: InvalidChoiceError) -> HttpResponse:
    errors = [
        (_TITLES.get(name, name.capitalize()), error.errors[name])
        for name in (*NAMES, PAGE)
        if name in error.errors
    ]
    context = _form(error.choice, error.errors) | {"errors": errors}
    return render(request, TEMPLATE, context, status=400)


def _pages(choice: Choice, last: int) -> list[tuple[int, str]]:
    """Return numbers and paths of the first page, the last and those around this one.

    A gap has the number 0. A single missing page takes no more room than a gap.
    """
    near = range(choice.page - AROUND, choice.page + AROUND + 1)
    numbers = [n for n in sorted({1, *near, last}) if 1 <= n <= last]
    found: list[tuple[int, str]] = []
    for number in numbers:
        if found and number == found[-1][0] + 2:
            found.append((number - 1, choice.url(number - 1)))
        elif found and number > found[-1][0] + 2:
            found.append((0, ""))
        found.append((number, choice.url(number)))
    return found
