"""Text: composed characters, and no hidden ones."""

import unicodedata

import pytest
from django.core.exceptions import ValidationError

from library.text import composed, validate_block, validate_line

# https://www.unicode.org/Public/UCD/latest/ucd/PropList.txt
BIDI_CONTROL = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
CONTROL = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cc"]
VISIBLE = "Ünïcode 日本語 😀 شعر עברית \u200d\u200c </script> 'and' \\ \xa0"


def test_text_is_composed() -> None:
    assert composed("Cafe\u0301") == "Caf\xe9"
    assert composed("\u212b") == "\xc5"  # the sign of the unit becomes the letter
    assert composed(composed("e\u0301")) == composed("e\u0301")


def test_hidden_characters_of_a_line_are_refused_by_name_and_place() -> None:
    for hidden in (*BIDI_CONTROL, *CONTROL):
        with pytest.raises(ValidationError) as error:
            validate_line(f"ab{hidden}c")
        assert error.value.code == "hidden_character"
        assert f"U+{ord(hidden):04X} at position 3" in error.value.message


def test_hidden_characters_of_a_block_are_refused_besides_tabs_and_line_breaks() -> None:
    for hidden in {*BIDI_CONTROL, *CONTROL} - {*"\t\n\r"}:
        with pytest.raises(ValidationError):
            validate_block(f"a\n{hidden}")


def test_other_text_is_accepted() -> None:
    validate_line(VISIBLE)
    validate_block(f"{VISIBLE}\r\n\tand more\n")
