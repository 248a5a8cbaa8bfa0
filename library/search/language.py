"""The language of queries: words, "phrases", -word and -"phrase"; docs/search.md describes it.

`parse` turns a query into two texts for PostgreSQL's type `tsquery`. They need no configuration, so
neither its parser nor its dictionaries change the words.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from library.search.plurals import other_forms
from library.search.tsquery import any_of, anything_like, exact_words, lexeme, phrase_of
from library.search.words import LONGEST, Piece, Word, pieces_of

MOST_WORDS = 50
LONGEST_QUERY = 400  # characters; the rest is ignored
NOTHING = "'='"  # no clip has this word
QUOTES = '"\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02\u300c\u300d\u300e\u300f'
MINUS = "-\u2212\uff0d"  # signs of words to exclude
_TERM = re.compile(
    rf"\s*(?P<minus>[{MINUS}]*)"
    rf"(?:[{QUOTES}](?P<phrase>[^{QUOTES}]*)[{QUOTES}]|(?P<word>\S+)|)"
)
_INNER_QUOTE = re.compile(rf"(?<=\w)[{QUOTES}](?=\w)")
_PLUS = re.compile(r"^\+(?=\w)")  # required anyway


class OnlyExcludedError(ValueError):
    """The query only excludes words."""

    code = "only_negatives"
    sentence = (
        "Add a word to search for. A query cannot only exclude words, as -word and -“phrase” do."
    )

    def __init__(self) -> None:
        super().__init__(self.sentence)


@dataclass(frozen=True)
class Query:
    """A query: the conditions for clips, and the words that rank a clip higher.

    `words` are those to look for as they are typed, except in phrases, signs and paired scripts.
    """

    conditions: tuple[str, ...]  # all of which must hold; none if the text has no words
    exact: str
    words: tuple[str, ...]

    @property
    def match(self) -> str:
        """The condition for clips."""
        return " & ".join(f"({condition})" for condition in self.conditions) or NOTHING


@lru_cache(maxsize=256)
def parse(text: str) -> Query:
    """Return the query. It matches nothing if the text has no words. Raises OnlyExcludedError.

    A quotation mark without a partner is ignored, and so is a `-` that stands alone.
    """
    required: list[list[Piece] | str] = []
    excluded: list[str] = []
    exact: list[str] = []
    for minus, phrase, word in _terms(text[:LONGEST_QUERY]):
        if phrase is not None:
            pieces = [piece for token in pieces_of(phrase) for piece in token]
            if not pieces:
                continue
            condition = phrase_of(pieces)
            (excluded if minus else required).append(condition)
            exact += [] if minus else exact_words(pieces)
            continue
        for pieces in pieces_of(word):
            if minus:
                excluded.append(_excluded(pieces))
            else:
                required.append(pieces)
                exact += exact_words(pieces)
    if excluded and not required:
        raise OnlyExcludedError
    conditions = [*_required(required[:MOST_WORDS]), *(f"!({e})" for e in excluded[:MOST_WORDS])]
    return Query(
        conditions=tuple(conditions),
        exact=any_of(exact[:MOST_WORDS]) or NOTHING,
        words=tuple(word for pieces in required if (word := _plain(pieces))),
    )


def excluded_spans(text: str) -> list[tuple[int, int]]:
    """Return where the terms that the query excludes begin and end."""
    return [found.span() for found in _TERM.finditer(text) if found["minus"]]


def _terms(text: str) -> Iterator[tuple[bool, str | None, str]]:
    """Yield the terms: whether it is excluded, and the text of a phrase or of a word."""
    for found in _TERM.finditer(text):
        if found["phrase"] is not None:
            yield bool(found["minus"]), found["phrase"], ""
        elif found["word"]:
            word = _INNER_QUOTE.sub("'", found["word"].lstrip(QUOTES))
            yield bool(found["minus"]), None, _PLUS.sub("", word)


def _required(terms: list[list[Piece] | str]) -> Iterator[str]:
    """Yield a condition for each term. Words beside each other may also be written in one."""
    words = [_plain(term) for term in terms]
    for place, term in enumerate(terms):
        if isinstance(term, str):
            yield term
        elif word := words[place]:
            closed = [
                "".join(beside)[:LONGEST]
                for first, last in _beside(place)
                if first >= 0
                and len(beside := [w for w in words[first:last] if w]) == last - first
                and (len(beside) == 2 or len(beside[1]) == 1)
            ]
            forms = [form for form in _forms(term) if not form.startswith(word)]
            yield any_of([lexeme(word, "*"), *map(lexeme, (f"={word}", *forms, *closed))])
        else:
            yield anything_like(term)


def _beside(place: int) -> Iterator[tuple[int, int]]:
    """Yield the beginnings and ends of the two or three words that this one belongs to."""
    for length in (2, 3):
        for first in range(place - length + 1, place + 1):
            yield first, first + length


def _plain(term: list[Piece] | str) -> str:
    """Return the word if the term is a single one without signs; an empty text otherwise."""
    if not isinstance(term, str) and len(term) == 1 and isinstance(term[0], Word):
        word = term[0]
        if len(word.parts) == 1 and not word.written:
            return word.parts[0]
    return ""


def _forms(pieces: list[Piece]) -> tuple[str, ...]:
    """Return the other forms of a plain word, if it may be English."""
    (word,) = pieces
    return other_forms(word.parts[0]) if isinstance(word, Word) and word.is_ascii else ()


def _excluded(pieces: list[Piece]) -> str:
    if word := _plain(pieces):
        return any_of(map(lexeme, (word, f"={word}", *_forms(pieces))))
    return phrase_of(pieces)
