"""Conditions for words, as PostgreSQL's type `tsquery` reads them."""

from collections.abc import Iterable

from library.search.words import Piece, Run, Word

_ENDINGS = "+#%"


def anything_like(pieces: list[Piece]) -> str:
    """Return the condition for a token that is no plain word; the last part may go on."""
    *before, last = pieces
    if isinstance(last, Run):
        return _in_order([*map(_whole, before), _pairs(last, to_end=False)])
    if not last.parts:
        return _in_order([*map(_whole, before), lexeme(f"={last.written}")])
    if last.written:
        found = [lexeme(f"={last.written}", "*"), *_without_signs(last)]
    else:
        *parts, end = last.parts
        found = [
            _in_order([*map(lexeme, parts), lexeme(end, "*")]),
            lexeme(last.closed, "*"),
            lexeme(f"={last.closed}"),
        ]
    return _in_order([*map(_whole, before), any_of(found)])


def _without_signs(word: Word) -> list[str]:
    """Return what matches less well: `c` for `c++`, unless the clip has `c#`."""
    if len(word.parts) > 1:
        return [
            _in_order(map(lexeme, word.parts)),
            *map(lexeme, (word.closed, f"={word.closed}")),
        ]
    (part,) = word.parts
    if word.written[-1] in _ENDINGS:
        others = " & ".join(f"!{lexeme(f'={part}{sign}', '*')}" for sign in _ENDINGS)
        return [f"({lexeme(part)} & {others})"]
    return [lexeme(part)]


def _whole(piece: Piece) -> str:
    """Return the condition for a piece of a phrase, exactly as it is written."""
    if isinstance(piece, Run):
        return _pairs(piece, to_end=True)
    if not piece.parts:
        return lexeme(f"={piece.written}")
    in_one = [piece.closed, f"={piece.closed}"]
    if piece.written:
        in_one = [f"={piece.written}"]
    if len(piece.parts) == 1:
        return any_of(map(lexeme, in_one))
    return any_of([_in_order(map(lexeme, piece.parts)), *map(lexeme, in_one)])


def phrase_of(pieces: list[Piece]) -> str:
    """Return the condition for whole words beside each other."""
    *before, last = pieces
    if isinstance(last, Run):
        return _in_order([*map(_whole, before), _pairs(last, to_end=False)])
    return _in_order(map(_whole, pieces))


def _pairs(run: Run, *, to_end: bool) -> str:
    """Return the condition for a run. `to_end`: something follows, so each character counts."""
    text = run.characters
    pairs = [lexeme(text[place : place + 2]) for place in range(len(text) - 1)]
    if to_end or not pairs:
        pairs.append(lexeme(text[-1], "*"))
    return _in_order(pairs)


def exact_words(pieces: list[Piece]) -> list[str]:
    """Return the words of which a clip should have as many as possible."""
    found = []
    for piece in pieces:
        if isinstance(piece, Run):
            text = piece.characters
            found += [text[place : place + 2] for place in range(max(1, len(text) - 1))]
        elif piece.written:
            found.append(f"={piece.written}")
        else:
            found.append(piece.parts[0] if len(piece.parts) == 1 else f"={piece.closed}")
    return [lexeme(word) for word in found]


def lexeme(word: str, prefix: str = "") -> str:
    """Return a word in a query; it has no quote and no backslash."""
    return f"'{word}':{prefix}" if prefix else f"'{word}'"


def any_of(conditions: Iterable[str]) -> str:
    """Return the condition that at least one of these holds; an empty text for none."""
    found = list(dict.fromkeys(conditions))
    return f"({' | '.join(found)})" if len(found) > 1 else "".join(found)


def _in_order(conditions: Iterable[str]) -> str:
    found = list(conditions)
    return f"({' <-> '.join(found)})" if len(found) > 1 else found[0]
