"""Folding: the function of the database and that of Python agree, for all of Unicode."""

import unicodedata

import pytest
from django.db import connection

from library.search.folding import fold
from library.search.language import NOTHING, parse

pytestmark = pytest.mark.django_db
# Characters that this version of Python knows; PostgreSQL may know more.
CHARACTERS = [
    chr(code)
    for code in range(1, 0x110000)
    if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")
]
# Texts with characters that take effect only beside others.
TEXTS = [
    *("и\u0306", "И\u0323\u0306", "у\u0306а\u0306", "ΣΊΣΥΦΟΣ", "´a´", "か\u3099", "ｶﾞﾊﾟ", "각각"),
    *(
        "\u1100\u1161\u11a8",
        "e\u0323\u0302",
        "ﷺ",
        "ﬃ",
        "Ǆ",
        "👍🏽",
        "👨\u200d👩",
        "a\u00adb",
        "क\u093c",
    ),
]


def folded_by_database(texts: list[str]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT library_fold(text) FROM unnest(%s::text[]) WITH ORDINALITY AS t (text, number)"
            " ORDER BY number",
            [texts],
        )
        return [text for (text,) in cursor.fetchall()]


def test_database_folds_each_character_as_python_does() -> None:
    folded = folded_by_database(CHARACTERS)
    differing = [
        (f"U+{ord(character):04X}", text, fold(character))
        for character, text in zip(CHARACTERS, folded, strict=True)
        if text != fold(character)
    ]
    assert differing == []


def test_database_folds_texts_as_python_does() -> None:
    assert folded_by_database(TEXTS) == [fold(text) for text in TEXTS]


def test_each_character_that_makes_a_word_finds_itself() -> None:
    """Both sides take the same characters for words, separators and pairs."""
    some = [c for c in CHARACTERS[0x1F:] if ord(c) < 0x3400 or ord(c) % 61 == 0]
    texts = [text for c in some for text in (f"a{c}x", f"a {c} x")]
    queries = [query for c in some for query in (parse(f"a{c}x").match, parse(f'"a {c} x"').match)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT text FROM unnest(%s::text[], %s::text[]) AS t (text, query)"
            " WHERE NOT library_words(text) @@ query::tsquery AND query <> %s",
            [texts, queries, NOTHING],
        )
        assert cursor.fetchall() == []


@pytest.mark.parametrize("separator", [" ", "-", "'", "/", ".", "&", "!", "日", "🎧", "\u0301"])
def test_long_words_are_found_by_their_first_letters(separator: str) -> None:
    text = separator.join(["x" * 3_000, "é" * 3_000])
    with connection.cursor() as cursor:
        cursor.execute("SELECT library_words(%s) @@ %s::tsquery", [text, parse("x" * 90).match])
        assert cursor.fetchone() == (True,)
