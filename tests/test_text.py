"""Text: composed characters, and no hidden ones."""

import unicodedata

import pytest
from django.core.exceptions import ValidationError

from library.models.tag import normalise_tag
from library.text import composed, validate_block, validate_line

# https://www.unicode.org/Public/UCD/latest/ucd/PropList.txt
BIDI_CONTROL = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
CONTROL = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cc"]
SEPARATORS = "\u2028\u2029"
DEPRECATED = [chr(code) for code in (*range(0x206A, 0x2070), *range(0xFFF9, 0xFFFC))]
TAGS = [chr(code) for code in range(0xE0000, 0xE0080)]
SURROGATES = "\ud800\udbff\udc00\udfff"
NONCHARACTERS = [
    *(chr(code) for code in range(0xFDD0, 0xFDF0)),
    *(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF)),
]
HIDDEN = {*BIDI_CONTROL, *CONTROL, *SEPARATORS, *DEPRECATED, *TAGS, *SURROGATES, *NONCHARACTERS}
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
JOINED = "👩\u200d🚀 ❤\ufe0f co\xadoperate \u200bx \ufeffy क\u200cष"
VISIBLE = "Ünïcode 日本語 😀 شعر עברית \u200d\u200c </script> 'and' \\ \xa0"


def test_text_is_composed() -> None:
    assert composed("Cafe\u0301") == "Caf\xe9"
    assert composed("\u212b") == "\xc5"  # the sign of the unit becomes the letter
    assert composed(composed("e\u0301")) == composed("e\u0301")


def test_hidden_characters_of_a_line_are_refused_by_name_and_place() -> None:
    for hidden in HIDDEN:
        with pytest.raises(ValidationError) as error:
            validate_line(f"ab{hidden}c")
        assert error.value.code == "hidden_character"
        assert f"U+{ord(hidden):04X} at position 3" in error.value.message


def test_hidden_characters_of_a_block_are_refused_besides_tabs_and_line_breaks() -> None:
    for hidden in HIDDEN - {*"\t\n\r"}:
        with pytest.raises(ValidationError):
            validate_block(f"a\n{hidden}")


@pytest.mark.parametrize(
    "invisible",
    [
        *("\u200b", "\u200c\u200d", "\u2060", "\ufeff", "\xad", "\u034f", "\u180e", "\ufe0f"),
        *("\u3164", "\u115f\u1160", "\uffa0", "\u2800 \u2800", "\ufffc", "\u17b4", "\U000e0100"),
        *("\U0001d159", "\U0001d173", "\U0001bca0", "\u200b \xa0 \u200b"),
    ],
    ids=ascii,
)
def test_text_without_a_visible_character_is_blank(invisible: str) -> None:
    for validate in (validate_line, validate_block, normalise_tag):
        with pytest.raises(ValidationError) as error:
            validate(invisible)
        assert error.value.code == "blank"
        validate(f"{invisible}a")


def test_tag_characters_are_accepted_in_flags_only() -> None:
    validate_line(f"{SCOTLAND} pipes")
    validate_block(SCOTLAND)
    for broken in (SCOTLAND[1:], SCOTLAND[:-1], f"{SCOTLAND}\U000e0067"):
        with pytest.raises(ValidationError):
            validate_line(broken)


@pytest.mark.parametrize("hidden", ["\x85", "\u2028", "\x1c", "\x0b", "\u202e"], ids=ascii)
def test_hidden_characters_separate_no_words_of_a_tag(hidden: str) -> None:
    with pytest.raises(ValidationError) as error:
        normalise_tag(f"night{hidden}rain")
    assert error.value.code == "hidden_character"
    assert normalise_tag("\tnight\n \xa0rain\r\n") == "night rain"


def test_other_text_is_accepted() -> None:
    validate_line(VISIBLE)
    validate_line(JOINED)
    validate_block(f"{VISIBLE}\r\n\tand more\n")
