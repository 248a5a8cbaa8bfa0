"""The words of a query, as the function `library_words` (migration 0023) finds those of a clip.

White space and most punctuation separate words. Signs in JOINERS join words: `hi-hat` has two parts
and is also found in one, as `hihat`, under a name that starts with `=`. So is what is written with
a word, such as `=c++`. No word of a text starts with `=`, so no start of a word matches them.

Scripts without spaces and symbols are indexed in pairs of characters: each character with the next
one, and the last one alone. So a query finds any part of a text.
"""

import re
from dataclasses import dataclass

from library.search.folding import fold

LONGEST = 60  # characters of a word that are compared
_JOINERS = "'/\\._&+#@$!%*-"
_ASCII = str.maketrans("`" + '\t\n\v\f\r,;:()[]{}<>?"=^|~\x01\x02\x03', "'" + " " * 25)
_SEPARATORS = re.compile(
    r"["
    r"\u0080-\u00bf\u00d7\u00f7\u02c2-\u02c5\u02d2-\u02eb\u02ed\u02ef-\u02ff\u0375\u03f6\u0482"
    r"\u055a-\u055f\u0589-\u058f\u05be\u05c0\u05c3\u05c6\u05f3-\u060f\u061b-\u061f\u066a-\u066d"
    r"\u06d4\u06dd\u06de\u06e9\u06fd\u06fe\u0964\u0965\u0970\u0e3f\u0e4f\u0e5a\u0e5b\u104a-\u104f"
    r"\u109e\u109f\u10fb\u1360-\u1368\u1390-\u1399\u1400\u166d\u166e\u1680\u17d4-\u17d6\u17d8-\u17db"
    r"\u1800-\u180a\u180e\u200b-\u20c0\u2104-\u212e\u213a-\u214d\u214f\u218a\u218b\u2e00-\u2e2e"
    r"\u2e30-\u3004\u3008-\u3020\u3030\u3037\u303d-\u303f\u30a0\u30fb\u3190\u3191\u31c0-\u31e3"
    r"\u327f\u4dc0-\u4dff\ue000-\uf8ff\ufbb2-\ufdff\ufe45\ufe46\ufeff-\ufffd"
    r"]"
)
_PAIRED = re.compile(
    r"(["
    r"\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1050-\u109d\u1100-\u11ff\u1780-\u17d3"
    r"\u17dd\u2190-\u2bff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3041-\u3096\u3099-"
    r"\u309f\u30a1-\u30fa\u30fc-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-"
    r"\ua97f\uac00-\ud7a3\ud7b0-\ud7fb\uf900-\ufaff\U0001b000-\U0001b16f\U0001d000-\U0001d24f"
    r"\U0001f000-\U0001faff\U00020000-\U0003ffff"
    r"]+)"
)
_JOINED = re.compile(f"[{re.escape(_JOINERS)}]+")
_WRITTEN = re.compile(r"[+#&$@%!]|^\.")
_QUOTES = str.maketrans("", "", "'\\")  # not needed to tell words apart


@dataclass(frozen=True)
class Word:
    """A word without white space: its parts, and how it is written if that matters, as in `c++`.

    A word of signs alone, such as `!!!`, has no parts.
    """

    parts: tuple[str, ...]
    written: str = ""
    is_ascii: bool = True  # as it was typed, so that it may be English

    @property
    def closed(self) -> str:
        """The word in one."""
        return "".join(self.parts)[:LONGEST]


@dataclass(frozen=True)
class Run:
    """Characters that are indexed in pairs."""

    characters: str


Piece = Word | Run


def pieces_of(text: str) -> list[list[Piece]]:
    """Return what stands between white space, each in its pieces."""
    folded = fold(text).translate(_ASCII)
    found: list[list[Piece]] = []
    is_ascii = text.isascii()
    if not folded.isascii():
        folded = _SEPARATORS.sub(" ", folded)
    for token in folded.split():
        if is_ascii and token.isalnum():
            found.append([Word((token[:LONGEST],))])
            continue
        # Every second item is a run.
        items = enumerate(_PAIRED.split(token))
        pieces = [
            Run(item) if place % 2 else _word(item, is_ascii) for place, item in items if item
        ]
        if kept := [piece for piece in pieces if piece is not None]:
            found.append(kept)
    return found


def _word(token: str, is_ascii: bool) -> Word | None:
    parts = tuple(part[:LONGEST] for part in _JOINED.split(token) if part)
    if len(parts) == 1 and parts[0] == token[:LONGEST]:
        return Word(parts, "", is_ascii)
    written = token.rstrip("-'/\\_*.").lstrip("-'/\\_*")
    if parts:
        written = written.strip("!")
    elif len(written) < 2:
        return None
    found = written.translate(_QUOTES)[:LONGEST] if _WRITTEN.search(written) else ""
    return Word(parts, found) if parts or found else None
