"""GET /: the library, the newest clips first, with search, filters and pages."""

from array import array
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import View

from library.api.etags import LIBRARY
from library.api.suggestions import better_spelling
from library.changes.version import library_token
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
from library.pages.matches import Ids, Matches, matches_of
from library.pages.rendered import rendered
from library.search.vocabulary import vocabulary
from library.telemetry import request_notes

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
    """GET /. The first read of a filter reads all its ids. Then every page costs the same."""

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            choice = read_choice(request.GET)
        except InvalidChoiceError as error:
            return _refused(request, error)
        if choice.search:
            vocabulary.prepare()
        matches, total = _found(choice)
        last = max(1, -(-total // CLIPS_SHOWN))
        context = {
            **_form(choice),
            "total": total,
            "last": last,
            "last_url": choice.url(last),
            "canonical_url": choice.canonical_url,
        }
        if choice.page > last:
            return render(request, TEMPLATE, context | {"is_past_end": True}, status=404)
        chips = chips_of(choice, matches)
        end = len(matches.ids) - CLIPS_SHOWN * (choice.page - 1)
        shown = matches.ids[max(0, end - CLIPS_SHOWN) : end][::-1]
        context |= {
            "cards": rendered(cards_of(_clips(shown))),
            "chips": chips.groups,
            "pages": _pages(choice, last),
            "previous_url": choice.url(choice.page - 1) if choice.page > 1 else "",
            "next_url": choice.url(choice.page + 1) if choice.page < last else "",
        }
        if not total and choice.search and (better := better_spelling(choice.query)):
            context |= {"better": better, "better_url": choice.with_search(better)}
        if chips.are_current and _may_be_kept(request, choice):
            request_notes.noted(request.META)["kept_by"] = LIBRARY
        return render(request, TEMPLATE, context)


def _may_be_kept(request: HttpRequest, choice: Choice) -> bool:
    """Return whether the server may keep the page until the library changes.

    A search may not be kept: its other spellings depend on more than the library. Neither may
    other spellings of a path than those of links here, because there is no end of them.
    """
    return not choice.search and request.get_full_path() == choice.url(choice.page)


def _found(choice: Choice) -> tuple[Matches, int]:
    """Return the ids of the clips and their number; of the newest clips, only those of the page.

    So the first page of the library never waits until a process has read all ids.
    """
    if choice.pairs or choice.page > 1:
        matches = matches_of(choice.query)
        return matches, len(matches.ids)
    token = library_token()
    newest = Clip.objects.available().order_by("-id").values_list("id", flat=True)[:CLIPS_SHOWN]
    return Matches(token.changes, array("q", sorted(newest)), array("d")), token.available


def _clips(ids: Ids) -> list[Clip]:
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
