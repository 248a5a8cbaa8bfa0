"""Suggestions for the beginning of a query: titles, creators, tags and genres of public clips."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from string import punctuation, whitespace

from library.changes.version import library_token
from library.models.clip import AVAILABLE
from library.models.rows import Row, read
from library.search.conditions import MATCH_SQL
from library.search.folding import fold
from library.search.language import MINUS, QUOTES, OnlyExcludedError, parse
from library.search.words import Run, Word, pieces_of

MOST = 10
OF_A_KIND = 4  # if there are others
SAMPLE = 200  # clips that are read
CANDIDATES = 2_000  # clips among which a short beginning is looked for
MOST_WORDS = 4  # that clips are looked up by; the others are compared with the sample
KINDS = ("genre", "tag", "creator", "title")

# Jumps from each genre of public clips to the next in the index `clip_genre`.
_GENRES = f"""
WITH RECURSIVE genre (name) AS (
    (SELECT genre FROM library_clip WHERE {AVAILABLE} ORDER BY lower(genre), id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT clip.genre FROM library_clip AS clip
        WHERE lower(clip.genre) > lower(name) AND {AVAILABLE}
        ORDER BY lower(clip.genre), clip.id LIMIT 1
    )
    FROM genre WHERE name IS NOT NULL
)
SELECT name FROM genre WHERE name IS NOT NULL LIMIT 500
"""
_FROM_CLIPS = f"FROM library_clip WHERE {AVAILABLE}"
_ALL = f"SELECT title, creator, tags {_FROM_CLIPS} AND {MATCH_SQL} LIMIT {SAMPLE}"
# PostgreSQL reads the clips inside first, because of their limit.
_AMONG = (
    f"SELECT title, creator, tags FROM (SELECT title, creator, tags, search_vector {_FROM_CLIPS}"
    f" {{}} LIMIT {CANDIDATES}) AS candidate WHERE {MATCH_SQL} LIMIT {SAMPLE}"
)
_AMONG_LATEST = _AMONG.format("ORDER BY id DESC")
_AMONG_MATCHES = _AMONG.format(f"AND {MATCH_SQL}")
_QUOTE = re.compile(f"[{QUOTES}]")
_SIGNS = re.compile(rf"(?:^|\s)[{MINUS}+]+")
_LEXEME = re.compile(r"('[^']*')(?::(\*))?")
# Words of the description are not suggested.
_WHOLE, _BEGINNING = r"\1:AB", r"\1:\2AB"
# So many words start with one letter that the index is no use. With other words, nor are two.
_ONE_LETTER = re.compile(r"'.':\*")
_TWO_LETTERS = re.compile(r"'.{1,2}':\*")
_LAST_OF_JOINED = re.compile(r" <-> '.{1,2}':\*AB")
_NO_LETTERS = str.maketrans("", "", punctuation + whitespace)
_kept_genres: tuple[int, list[str]] = (-1, [])


@dataclass(frozen=True)
class Suggestion:
    """A text of public clips, and the kind of text that it is: one of KINDS."""

    text: str
    kind: str


def suggestions(text: str) -> list[Suggestion]:
    """Return up to ten texts with words that start with this one. Each belongs to a public clip.

    Texts that start with it precede; a clip is never read that the public cannot list.
    """
    text = _without_signs(text)
    beginning = "".join(_letters(text))
    if not beginning:
        return []
    pieces = [piece for token in pieces_of(text) for piece in token]
    signs = [piece.written for piece in pieces if isinstance(piece, Word)]  # `c#` is not `c++`
    found: Counter[tuple[str, str]] = Counter()
    places: dict[tuple[str, str], tuple[int, str]] = {}
    for kind, value in _texts(text, beginning):
        place = _place(value, beginning)
        if place is not None:
            key = (kind, fold(value))
            if all(sign in key[1] for sign in signs):
                found[key] += 1
                places.setdefault(key, (place, value))
    ordered = sorted(
        found, key=lambda key: (places[key][0] > 0, KINDS.index(key[0]), -found[key], key[1])
    )
    return [Suggestion(places[key][1], key[0]) for key in _mixed(ordered)]


def _texts(text: str, beginning: str) -> Iterator[tuple[str, str]]:
    """Yield kinds and texts of clips that may have such words."""
    for genre in _genres():
        yield "genre", genre
    for clip in _clips(text):
        yield "title", clip["title"]
        if clip["creator"]:
            yield "creator", clip["creator"]
        for tag in clip["tags"]:
            yield "tag", tag


def _without_signs(text: str) -> str:
    """Return the text without the signs of the language of queries; words keep theirs."""
    return _SIGNS.sub(" ", _QUOTE.sub(" ", text))


def _clips(text: str) -> list[Row]:
    """Return clips with all words of the text, the last of which may go on.

    The index finds the whole words, and the last one if it is long enough. A short one is looked
    for among a limited number of clips.
    """
    try:
        conditions = parse(text).conditions
    except OnlyExcludedError:
        conditions = ()
    if not conditions:
        return []
    whole = [_LEXEME.sub(_WHOLE, condition) for condition in conditions[:MOST_WORDS]]
    if len(conditions) > MOST_WORDS:
        return read(_ALL, [_all_of(whole)])
    last = _LEXEME.sub(_BEGINNING, conditions[-1])
    before = whole[:-1]
    indexed = _LAST_OF_JOINED.sub("", last)
    if (_TWO_LETTERS if before else _ONE_LETTER).search(indexed) is None:
        before.append(indexed)
        if indexed == last:
            return read(_ALL, [_all_of(before)])
    if before:
        return read(_AMONG_MATCHES, [_all_of(before), last])
    clips = read(_AMONG_LATEST, [last])
    return clips if len(clips) >= MOST else clips + read(_ALL, whole)


def _all_of(conditions: list[str]) -> str:
    return " & ".join(f"({condition})" for condition in conditions)


def _genres() -> list[str]:
    """Return the genres of public clips, which are read again once a clip has changed."""
    global _kept_genres
    changes = library_token().changes
    if _kept_genres[0] != changes:
        _kept_genres = changes, [row["name"] for row in read(_GENRES)]
    return _kept_genres[1]


def _letters(text: str) -> Iterator[str]:
    """Yield the folded words of a text, and each character of paired scripts."""
    for pieces in pieces_of(text):
        for piece in pieces:
            if isinstance(piece, Run):
                yield from piece.characters
            else:
                yield from piece.parts or (piece.written,)


def _place(text: str, beginning: str) -> int | None:
    """Return the place of the word with which the text continues the beginning, or None."""
    if text.isascii() and beginning not in fold(text).translate(_NO_LETTERS):
        return None  # as for most texts
    words = [*_letters(text)]
    letters = "".join(words)
    places = accumulate(map(len, words), initial=0)
    return next((place for place in places if letters.startswith(beginning, place)), None)


def _mixed(ordered: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the first ones, at most OF_A_KIND of each kind unless there is room for more."""
    kinds: Counter[str] = Counter()
    chosen: list[tuple[str, str]] = []
    rest: list[tuple[str, str]] = []
    for key in ordered:
        kinds[key[0]] += 1
        (chosen if kinds[key[0]] <= OF_A_KIND else rest).append(key)
    kept = {*(chosen + rest)[:MOST]}
    return [key for key in ordered if key in kept]
