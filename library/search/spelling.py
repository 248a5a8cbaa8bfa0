"""Another spelling for a query without matches, from the words of public clips."""

import re
from collections.abc import Callable

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

from library.models.clip import AVAILABLE
from library.models.rows import read
from library.search.conditions import MATCH_SQL
from library.search.folding import fold
from library.search.language import excluded_spans
from library.search.vocabulary import Words, vocabulary
from library.search.words import Word, pieces_of

SHORTEST = 3  # letters of a word that is corrected
MOST_CORRECTED = 5  # words
CANDIDATES = 20
_AROUND = "\"'.,;:!?()[]{}*\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb"
_TOKEN = re.compile(r"\S+")


def did_you_mean(text: str, is_found: Callable[[str], bool]) -> str | None:
    """Return the query with unknown words replaced by known ones, or None.

    `is_found` returns whether a public clip matches a query. It may not, since the vocabulary may
    be older than the clips. Words that the query excludes stay as they are.
    """
    words = vocabulary.current()
    if words is None or not words.words:
        return None
    corrected = 0
    text = text.strip()
    excluded = excluded_spans(text)

    def correct(token: re.Match[str]) -> str:
        nonlocal corrected
        core = token[0].strip(_AROUND)
        is_excluded = any(begin <= token.start() < end for begin, end in excluded)
        if is_excluded or corrected >= MOST_CORRECTED:
            return token[0]
        word = _word(core)
        better = _nearest(word, words) if word else None
        if better is None:
            return token[0]
        corrected += 1
        return token[0].replace(core, _spelling(better))

    better = _TOKEN.sub(correct, text)
    return better if corrected and is_found(better) else None


def _word(token: str) -> str:
    """Return the folded word if it is a single one."""
    match pieces_of(token):
        case [[Word((part,), "")]] if len(part) >= SHORTEST:
            return part
    return ""


def _nearest(word: str, words: Words) -> str | None:
    """Return the known word with the fewest differences, or None if the word itself is known.

    Of equally near words, one with the same first letter precedes, then the more frequent one.
    """
    if words.has_beginning(word):
        return None
    most = 1 if len(word) < 5 else 2
    found = extract(word, words.words, scorer=OSA.distance, score_cutoff=most, limit=CANDIDATES)
    if not found:
        return None
    best, _, _ = min(
        found, key=lambda item: (item[1], item[0][0] != word[0], -words.clips[item[2]])
    )
    return str(best)


def _spelling(word: str) -> str:
    """Return a folded word as a public clip spells it, apart from capital letters."""
    statement = (
        f"SELECT title, creator, tags FROM library_clip WHERE {AVAILABLE} AND {MATCH_SQL} LIMIT 1"
    )
    for clip in read(statement, [f"'{word}':AB"]):
        for text in (clip["title"], clip["creator"] or "", *clip["tags"]):
            for token in text.split():
                if fold(core := token.strip(_AROUND)) == word:
                    return word if core.lower() == word else core
    return word
