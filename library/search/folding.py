"""Text as the search compares it: without case, accents and differences of form.

The database folds the words of clips with the function `library_fold` (migration 0023), and this
module folds the words of a query. A test compares both for all of Unicode. A change of
either needs a migration that builds the index again.
"""

import re
import unicodedata

# Blocks with capital letters that have no decomposition (NFKD).
_CAPITALS = (
    *((0xC0, 0x24F), (0x370, 0x3FF), (0x400, 0x52F), (0x531, 0x556), (0x10A0, 0x10C5)),
    *((0x13A0, 0x13F5), (0x1C90, 0x1CBF), (0x1E00, 0x1EFF), (0x2C00, 0x2C2F), (0x2C60, 0x2C7F)),
    *((0x2C80, 0x2CE3), (0xA640, 0xA66D), (0xA680, 0xA69B), (0xA722, 0xA7BF)),
    *((0x10400, 0x10427), (0x104B0, 0x104D3), (0x1E900, 0x1E921)),
)
# Letters and signs that stand for another one, each in turn, and decimal digits.
_LATIN = (
    "øođdðdłlħhŧtıiŋnĸkƀbɓbƃbƈcɖdɗdƌdɛeƒfɠgɩiɨiƙkƚlɲnƞnɔoƥpƫtƭtʈtʋvƴyƶzǥgȡdȥzȴlȵnȶtȷjⱥaȼcⱦtȿsɀzʉuɇe"
    "ɉjɋqɍrɏy"
)
_OTHERS = "ςσىيةهکكیيہهھه♯#"
_DIGITS = "٠۰०০๐"  # the zeros of Arabic, Persian, Devanagari, Bengali and Thai
_SIGNS = {
    "'": "\u2018\u2019\u201b\u02b9\u02bb\u02bc\u2032\u055a\u05f3\u05f4\ua78c",
    "-": "\u2010\u2012\u2013\u2014\u2015\u2043\u2212\u05be\u00b7\u2027",
    "/": "\u2044\u2215\u29f8",
}
_SEVERAL = {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ƕ": "hv", "ƣ": "oi", "ȸ": "db", "ȹ": "qp"}
# Removed: accents, marks of Hebrew and Arabic that most people leave out, the Arabic tatweel, the
# nukta of Devanagari, the middle dot of katakana, what is invisible, and the colours of skin.
# Vowel signs, tones and viramas of other scripts are not accents and stay.
MARKS = re.compile(
    r"[\u00ad\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    r"\u0610-\u061a\u061c\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8"
    r"\u06ea-\u06ed\u0711\u0730-\u074a\u08d3-\u08e1\u08e3-\u08ff\u093c\u115f\u1160\u17b4\u17b5"
    r"\u180b-\u180f\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20d0-\u20ff"
    r"\u30a0\u30fb\ufe00-\ufe0f\ufe20-\ufe2f\ufeff"
    "\U0001f3fb-\U0001f3ff\U000e0000-\U000e0fff]+"
)


def _table() -> dict[int, str]:
    found = {
        code: chr(code).lower()
        for first, last in _CAPITALS
        for code in range(first, last + 1)
        if unicodedata.normalize("NFKD", chr(code)) == chr(code) != chr(code).lower()
    }
    for text in (_LATIN, _OTHERS):
        found |= {ord(letter): other for letter, other in zip(text[::2], text[1::2], strict=True)}
    found |= {ord(zero) + digit: str(digit) for zero in _DIGITS for digit in range(10)}
    found |= {ord(sign): plain for plain, signs in _SIGNS.items() for sign in signs}
    # A capital whose small letter stands for another one, such as Ø, stands for that, too.
    return {code: found.get(ord(letter), letter) for code, letter in found.items()}


LETTERS = _table()
_TABLE = LETTERS | {code: chr(code).lower() for code in range(ord("A"), ord("Z") + 1)}
_TABLE_OF_SEVERAL = str.maketrans(_SEVERAL)


def fold(text: str) -> str:
    """Return the text in compatible characters (NFKC) and small letters, without accents.

    Letters that are no others with an accent become the usual ones, such as `ss` for `ß`. The short
    `й` and `ў` of Cyrillic stay, since they are letters of their own.
    """
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKD", text.replace("\u00b4", "'"))
    text = text.translate(_TABLE).translate(_TABLE_OF_SEVERAL)
    text = text.replace("и\u0306", "й").replace("у\u0306", "ў")
    return unicodedata.normalize("NFC", MARKS.sub("", text))
