"""The search of the list: its results, their order, and unusual input."""

from collections.abc import Callable
from string import punctuation
from urllib.parse import quote

import pytest
import requests
from django.db import connection

from library.models import Clip
from library.search.conditions import search_query
from tests.support.field_errors import faulty

Ask = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]


@pytest.fixture
def find(http: Ask) -> Callable[[str], list[str]]:
    def titles(text: str) -> list[str]:
        response = http("GET", f"/api/v1/clips?search={quote(text)}")
        assert response.status_code == 200, response.text
        return [clip["title"] for clip in response.json()]

    return titles


@pytest.fixture
def library(make_clip: MakeClip) -> None:
    make_clip(title="Ambient Sounds", description="Slow pads over a deep drone.", tags=["pads"])
    make_clip(title="Rock/Pop v1.2", description="Loud.", creator="Ann O'Neill")
    make_clip(title="Été à la mer", description="The sea.", tags=["field recording"])
    make_clip(title="हिन्दी गीत", description="日本語")


@pytest.mark.usefixtures("library")
def test_search_finds_words_by_their_prefixes(find: Callable[[str], list[str]]) -> None:
    expected = {
        "ambi": ["Ambient Sounds"],
        "AMBIENT": ["Ambient Sounds"],
        "sou amb": ["Ambient Sounds"],
        "dro": ["Ambient Sounds"],
        "pad": ["Ambient Sounds"],
        "bient": [],
        "ambient sea": [],
        "pop": ["Rock/Pop v1.2"],
        "rock-pop": ["Rock/Pop v1.2"],
        "V1": ["Rock/Pop v1.2"],
        "o'neill": ["Rock/Pop v1.2"],
        "ét": ["Été à la mer"],
        "recording": ["Été à la mer"],
        "हिन्दी": ["हिन्दी गीत"],
        "日本": ["हिन्दी गीत"],
    }
    assert {text: find(text) for text in expected} == expected


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("ordering", ["", "&ordering=-title"])
def test_no_text_is_an_operator_or_an_error(http: Ask, ordering: str) -> None:
    texts = [
        *("'", "''", "\\", "\\'", '"', "&", "|", "!", "<->", ":*", "a:*", "a & | b", "(", ")"),
        *("'; DROP TABLE library_clip; --", "' OR '1'='1", "%", "%s", "{0}", "a:A", "!ambient"),
        *("²", "😀", "\u200d", "\ufffd", "\u2028", "x" * 200, "é" * 200, "日" * 200, "a " * 100),
        *("-", "--", "1e5", "http://a.b/c?d=e", "a@b.c", "\t\n", "\x7f", "ﬁ", "İ"),
    ]
    answers = {text: http("GET", f"/api/v1/clips?search={quote(text)}{ordering}") for text in texts}
    assert {text for text, answer in answers.items() if answer.status_code != 200} == set()
    assert Clip.objects.count() == 4


def test_bytes_that_are_not_utf_8_are_no_error(http: Ask) -> None:
    assert http("GET", "/api/v1/clips?search=%FF%FEamb").status_code == 200


def test_title_weighs_more_than_tags_and_tags_more_than_description(
    find: Callable[[str], list[str]], make_clip: MakeClip
) -> None:
    make_clip(title="By words", description="rain")
    make_clip(title="By tag", tags=["rain"])
    make_clip(title="Rain")
    make_clip(title="By creator", creator="Rain")
    assert find("rain") == ["Rain", "By creator", "By tag", "By words"]


def test_punctuation_separates_words_in_clips_and_searches(make_clip: MakeClip) -> None:
    words = [f"x{n}{mark}y{n}" for n, mark in enumerate(punctuation)]
    make_clip(title=" ".join(words)[:200], description=" ".join(words))
    searched = [*words, *(f"y{n}" for n in range(len(words)))]
    found = {text for text in searched if Clip.objects.filter(search_vector=search_query(text))}
    assert found == set(searched)


@pytest.mark.parametrize("text", ["-bass", '-"drum bass"', "-a -b", "-5", '"" -bass', "− -bass"])
def test_query_that_only_excludes_is_400(http: Ask, text: str) -> None:
    response = http("GET", f"/api/v1/clips?search={quote(text)}")
    assert (response.status_code, faulty(response)) == (400, ["search"])
    assert response.json()["codes"] == ["search.only_negatives"]


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("c++", ["C++ by Ann", "C by Bob"]),
        ("c#", ["C# by Cleo", "C by Bob"]),
        ("blues", ["Blues Night", "Bluesy Day"]),
        ("car", ["Car", "Carnival"]),
        ("loops", ["Loops", "Loop"]),
    ],
)
def test_clips_with_the_words_as_typed_come_first(
    find: Callable[[str], list[str]], make_clip: MakeClip, text: str, titles: list[str]
) -> None:
    for title in ("C by Bob", "C++ by Ann", "C# by Cleo", "Bluesy Day", "Blues Night", "Blue"):
        make_clip(title=title, description="")
    for title in ("Carnival", "Car", "Loop", "Loops", "Cello"):
        make_clip(title=title, description="")
    found = find(text)
    assert [title for title in found if title in titles] == titles
    assert len(found) == len(titles)


def test_title_tags_creator_and_description_are_no_phrase_together(
    find: Callable[[str], list[str]], make_clip: MakeClip
) -> None:
    make_clip(title="Night", tags=["drive", "home run"], creator="Ann", description="Lee")
    phrases = ('"night drive"', '"drive home"', '"run ann"', '"ann lee"', "nightdrive", "annlee")
    assert [found for text in phrases if (found := find(text))] == []
    assert find('"home run" ann lee night') == ["Night"]


def test_manual_sql_is_searched_as_well(
    find: Callable[[str], list[str]], make_clip: MakeClip
) -> None:
    clip = make_clip(title="Rain")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE library_clip SET creator = 'Tiësto' WHERE id = %s", [clip.pk])
    assert find("tiesto") == ["Rain"]


def test_search_finds_new_values_after_a_change(
    find: Callable[[str], list[str]], make_clip: MakeClip
) -> None:
    clip = make_clip(title="Rain")
    clip.tags = ["storm"]
    clip.title = "Wind"
    clip.save()
    assert (find("rain"), find("storm")) == ([], ["Wind"])
