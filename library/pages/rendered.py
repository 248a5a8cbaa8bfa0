"""The HTML of cards, kept by what it shows: rendering a page of them takes most of its time."""

from collections.abc import Iterable

from django.template.loader import get_template
from django.utils.safestring import SafeString

from library.pages.cards import Card

KEPT = 5_000  # cards that a process keeps, of about 2 kB
_TEMPLATE = "library/pages/_card.html"
_SHOWN = ("title", "creator", "genre", "tags", "licence", "play_count")  # of the clip

_kept: dict[int, tuple[list[object], SafeString]] = {}


def rendered(cards: Iterable[Card]) -> list[SafeString]:
    """Return the HTML of each card."""
    template = get_template(_TEMPLATE)
    found = []
    for card in cards:
        clip = card.clip
        shown = [card.duration, card.gain, card.wave, *(getattr(clip, name) for name in _SHOWN)]
        before, html = _kept.get(clip.pk, ([], SafeString()))
        if before != shown:
            html = SafeString(template.render({"card": card}))
            if len(_kept) >= KEPT:
                _kept.clear()
            _kept[clip.pk] = shown, html
        found.append(html)
    return found
