"""English plurals."""

import pytest

from library.search.plurals import other_forms


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        *(("drums", "drum"), ("stories", "story"), ("movies", "movie"), ("boxes", "box")),
        *(("churches", "church"), ("wolves", "wolf"), ("lives", "life"), ("waves", "wave")),
        *(("women", "woman"), ("echoes", "echo"), ("houses", "house"), ("keys", "key")),
    ],
)
def test_plural_has_the_singular(plural: str, singular: str) -> None:
    assert singular in other_forms(plural)


@pytest.mark.parametrize(
    ("singular", "plural"),
    [("drum", "drums"), ("story", "stories"), ("box", "boxes"), ("wolf", "wolves")],
)
def test_singular_has_the_plural(singular: str, plural: str) -> None:
    assert other_forms(singular) == (plural,)


@pytest.mark.parametrize("word", ["bass", "paris", "haus", "blues", "mars", "news", "dos", "las"])
def test_word_that_is_no_plural_has_no_singular(word: str) -> None:
    assert [form for form in other_forms(word) if len(form) < len(word)] == []


@pytest.mark.parametrize("word", ["straße", "90s", "mp3s", "с", "песня", ""])
def test_only_english_letters_have_forms(word: str) -> None:
    assert other_forms(word) == ()
