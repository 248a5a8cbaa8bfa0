"""English plurals. The words themselves are compared, too, so other languages lose nothing."""

import re

SHORTEST = 4  # letters of a word that may be a plural: not `dos`, `las` or `bus`
# Words that end like plurals. Not in the list: those in -ss, -us and -is.
_NO_PLURALS = frozenset(
    (
        *("alias", "always", "atlas", "blues", "canvas", "chaos", "christmas", "james", "lens"),
        *("mars", "news", "pancreas", "perhaps", "series", "species", "texas", "thomas"),
    )
)
_IRREGULAR = {
    "child": "children",
    "foot": "feet",
    "goose": "geese",
    "man": "men",
    "mouse": "mice",
    "person": "people",
    "tooth": "teeth",
    "woman": "women",
}
_FORMS = _IRREGULAR | {plural: singular for singular, plural in _IRREGULAR.items()}
_WORD = re.compile(r"[a-z]{3,}")


def other_forms(word: str) -> tuple[str, ...]:
    """Return the possible singulars of an English plural, or the plural of another word.

    The word is folded. Some of them may not exist.
    """
    if not _WORD.fullmatch(word):
        return ()
    if other := _FORMS.get(word):
        return (other,)
    if word in _NO_PLURALS:
        return ()
    if len(word) >= SHORTEST and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return tuple(_singulars(word))
    return (_plural(word),)


def _singulars(word: str) -> list[str]:
    found = [word[:-1]]
    if word.endswith("ies") and len(word) > SHORTEST:
        found.append(word[:-3] + "y")
    elif word.endswith("ves") and len(word) > SHORTEST:
        found += [word[:-3] + "f", word[:-3] + "fe"]
    elif word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
        found.append(word[:-2])
    return found


def _plural(word: str) -> str:
    if re.search("[^aeiou]y$", word):
        return word[:-1] + "ies"
    if word.endswith(("f", "fe")) and not word.endswith("ff"):
        return word.removesuffix("e")[:-1] + "ves"
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    return word + "s"
