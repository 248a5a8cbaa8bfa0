"""The choice of clips that the URL of a list describes: `?q=&genre=&tag=&licence=&creator=&page=`.

The parameters have the names and rules of the API's filters, except that its `search` is `q` here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from rest_framework.serializers import ValidationError

from library.api import parameters
from library.api.fields import WholeParameter
from library.licences import LICENCES, find_licences

SEARCH, PAGE = "q", "page"
FILTERS = ("genre", "tag", "licence", "creator")
NAMES = (SEARCH, *FILTERS)
_PARAMETERS: parameters.Parameters = {
    "search": parameters.CLIP_FILTERS["search"],
    **{name: parameters.CLIP_FILTERS[name] for name in FILTERS},
    PAGE: WholeParameter(
        min_value=1,
        default=1,
        error_messages={
            "invalid": "Must be a whole number, such as 2.",
            "min_value": "The first page is 1.",
        },
    ),
}

Pair = tuple[str, str]


@dataclass(frozen=True)
class Choice:
    """Names and values of parameters, in the order of NAMES, and the number of the page."""

    pairs: tuple[Pair, ...] = ()
    page: int = 1
    query: Mapping[str, Any] = field(default_factory=dict)  # as the API's filters take it

    @property
    def search(self) -> str:
        return next((value for name, value in self.pairs if name == SEARCH), "")

    @property
    def filters(self) -> list[Pair]:
        return [pair for pair in self.pairs if pair[0] != SEARCH]

    @property
    def title(self) -> str:
        """The choice in a few words, or empty if it is the whole library."""
        return " · ".join(label_of(name, value) for name, value in self.pairs)

    def url(self, page: int = 1) -> str:
        """Return the path of a page of this choice, with its parameters in a fixed order."""
        return url_of(self.pairs, page)

    @property
    def canonical_url(self) -> str:
        """The one path of all spellings of this page, for search engines."""
        return url_of(sorted(map(_folded, self.pairs)), self.page)

    def with_search(self, text: str) -> str:
        """Return the path of the choice with another search, or without if it is empty."""
        return url_of([(SEARCH, text), *self.filters] if text else self.filters)

    def plus(self, name: str, value: str) -> str:
        """Return the path of the choice with one more filter."""
        return url_of([*self.pairs, (name, value)])

    def minus(self, pair: Pair) -> str:
        """Return the path of the choice without a filter or the search."""
        return url_of([each for each in self.pairs if each != pair])


class InvalidChoiceError(ValueError):
    """Parameters are invalid: `errors` has a sentence for each; `choice` has the text of all."""

    def __init__(self, choice: Choice, errors: Mapping[str, str]) -> None:
        super().__init__(errors)
        self.choice = choice
        self.errors = errors


def url_of(pairs: "tuple[Pair, ...] | list[Pair]", page: int = 1) -> str:
    """Return the path of a list. Each pair counts once, in the order of NAMES."""
    listed = sorted(dict.fromkeys(pairs), key=lambda pair: NAMES.index(pair[0]))
    query = urlencode([*listed, (PAGE, page)] if page > 1 else listed)
    return f"{_path()}?{query}" if query else _path()


@cache
def _path() -> str:
    return reverse("listing")


def label_of(name: str, value: str) -> str:
    """Return a parameter's value as people read it in a title."""
    if name == SEARCH:
        return f"“{value}”"
    if name == "licence" and value in LICENCES:
        return LICENCES[value].name
    return {"tag": f"#{value}", "creator": f"by {value}"}.get(name, value)


def read_choice(query: QueryDict) -> Choice:
    """Return the choice of a request. Unknown parameters are ignored. Raises InvalidChoiceError."""
    given = QueryDict(mutable=True)
    for name in (*NAMES, PAGE):
        if name in query:
            given.setlist("search" if name == SEARCH else name, query.getlist(name))
    try:
        found = parameters.read(given, _PARAMETERS)
    except ValidationError as error:
        raise InvalidChoiceError(_as_written(query), _sentences(error)) from None
    page = found.pop(PAGE)
    # Names are cleaned, and a licence is not replaced by its versions.
    licences = [_licence(text) for text in query.getlist("licence") if text.strip()]
    values = {**found, "licence": licences}
    pairs = [(name, value) for name in FILTERS for value in values.get(name, ()) if value]
    if search := found.get("search"):
        pairs.insert(0, (SEARCH, search))
    first_spellings: dict[Pair, Pair] = {}
    for pair in pairs:
        first_spellings.setdefault(_folded(pair), pair)
    return Choice(tuple(first_spellings.values()), page, found)


def _licence(text: str) -> str:
    """Return a licence's identifier, or that of its family if it means several versions."""
    ids = find_licences(text)
    return ids[0] if len(ids) == 1 else LICENCES[ids[0]].family


def _folded(pair: Pair) -> Pair:
    """Return the form that all spellings of a pair have in common.

    Letters whose small form is several characters stay, as in PostgreSQL.
    """
    name, value = pair
    if name not in ("genre", "creator"):  # filters that ignore case
        return pair
    return name, "".join(c.lower() if len(c.lower()) == 1 else c for c in value)


def _as_written(query: QueryDict) -> Choice:
    pairs = [(name, value) for name in NAMES for value in query.getlist(name) if value.strip()]
    return Choice(tuple(dict.fromkeys(pairs)))


def _sentences(error: ValidationError) -> dict[str, str]:
    """Return the first sentence about each parameter, by its name on the page."""
    details: Any = error.detail
    sentences = {name: str(_first(detail)) for name, detail in details.items()}
    if "search" in sentences:
        sentences[SEARCH] = sentences.pop("search")
    return sentences


def _first(detail: Any) -> Any:
    """Return the first of an error's details, which lists have by place."""
    while isinstance(detail, list | dict):
        detail = next(iter(detail.values())) if isinstance(detail, dict) else detail[0]
    return detail
