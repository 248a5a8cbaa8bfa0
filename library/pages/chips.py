"""The most frequent genres, tags and licences of clips, offered as links that narrow a list down.

With filters, the counts are exact up to a thousand clips. Beyond that, the values are those of the
thousand that are shown first, and have no counts. Those of the whole library are counted by a
thread, because that reads every clip.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

from django.db import Error

from library.api.errors import FacetsBusy
from library.api.facets import count, facets_of
from library.api.filters import Conditions
from library.background import start_in_background
from library.changes.version import library_token
from library.database_errors import first_line
from library.models.rows import Row
from library.pages.choices import Choice, Pair, label_of
from library.pages.matches import Matches

logger = logging.getLogger(__name__)

COUNTED = 1_000  # clips
SMALL = 5_000  # clips of a library whose values are counted at once, in a few milliseconds
KEPT = 500  # choices whose values a process keeps
KEPT_FACTOR = 20  # times the duration of a count of the library that passes before the next one
# The facet of each filter, its heading, and how many values are shown.
SHOWN = {"genre": ("genres", "Genres", 12), "tag": ("tags", "Tags", 18)}
SHOWN |= {"licence": ("licences", "Licences", 8)}
NAMES = [facet for facet, _, _ in SHOWN.values()]

Facets = dict[str, list[Row]]


@dataclass(frozen=True)
class Chip:
    """A value, the path of the list that it leads to, and the number of its clips, if known."""

    label: str
    url: str
    count: int | None = None


class Chips(NamedTuple):
    """A heading and chips for each filter, and whether they include all changes of clips."""

    groups: list[tuple[str, list[Chip]]]
    are_current: bool


def chips_of(choice: Choice, matches: Matches) -> Chips:
    """Return chips for each filter that narrows the choice down to fewer clips."""
    if choice.pairs:
        facets, are_current = _of_matches(choice, matches), True
    else:
        facets, are_current = whole_library.facets()
    shows_counts = not choice.pairs or len(matches.ids) <= COUNTED
    chosen = {name for name, _ in choice.pairs}
    found = []
    for name, (facet, heading, most) in SHOWN.items():
        if name in chosen and name != "tag":  # another genre or licence would add clips
            continue
        chips = [
            Chip(
                label_of(name, row["value"]).removeprefix("#"),
                choice.plus(name, row["value"]),
                row["count"] if shows_counts else None,
            )
            for row in facets.get(facet, ())
            if (name, row["value"]) not in choice.pairs
        ]
        if chips:
            found.append((heading, chips[:most]))
    return Chips(found, are_current)


_kept: dict[tuple[Pair, ...], tuple[int, Facets]] = {}  # with the changes that they include


def _of_matches(choice: Choice, matches: Matches) -> Facets:
    changes, facets = _kept.get(choice.pairs, (None, {}))
    if changes != matches.changes:
        facets = _count(matches.ids[-COUNTED:])
        if len(_kept) >= KEPT:
            _kept.clear()
        _kept[choice.pairs] = matches.changes, facets
    return facets


def _count(ids: Sequence[int]) -> Facets:
    return count(Conditions(["id = ANY(%s::bigint[])"], [list(ids)]), NAMES) if ids else {}


class WholeLibrary:
    """The process's values of the whole library, renewed on demand when it has changed."""

    def __init__(self) -> None:
        self._lock = Lock()  # held during a renewal
        self.forget()

    def forget(self) -> None:
        """Forget the values, for tests."""
        self._known: tuple[int | None, Facets] = None, {}  # with the changes that they include
        self._due = 0.0

    def facets(self) -> tuple[Facets, bool]:
        """Return the values, and whether they include all changes.

        Those of a large library may be older, or missing at first.
        """
        token = library_token()
        if self._known[0] != token.changes:
            if token.available <= SMALL:
                self._renew()
            elif time.monotonic() >= self._due and self._lock.acquire(blocking=False):
                start_in_background(self._renew, self._lock)
        changes, facets = self._known
        return facets, changes == token.changes

    def _renew(self) -> None:
        began = time.monotonic()
        try:
            changes = library_token().changes  # before the counts, which are at least as recent
            self._known = changes, facets_of({}, changes)
        except FacetsBusy:
            return
        except Error as error:
            logger.warning("The values of clips could not be counted: %s", first_line(error))
        ended = time.monotonic()
        self._due = ended + KEPT_FACTOR * (ended - began)


whole_library = WholeLibrary()


def forget() -> None:
    """Forget all values, for tests: after a rollback, the numbers of changes occur again."""
    _kept.clear()
    whole_library.forget()
