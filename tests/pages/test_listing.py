"""GET /: search, filters and pages, without a browser."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any
from unittest import mock

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from library.api import facets
from library.api.errors import FacetsBusy
from library.models import Clip
from library.pages import matches
from library.pages.choices import Choice
from library.pages.listing import _pages

Get = Callable[..., HttpResponse]


@pytest.fixture
def get(client: Client, transactional_db: None) -> Get:
    """Request the list: `get(q="rain", page=2)`."""
    return lambda **query: client.get("/", query)


def titles(page: HttpResponse) -> list[str]:
    """Return the titles of the cards."""
    return [unescape(text) for text in re.findall(r'data-title="([^"]*)"', page.text)]


def text_of(page: HttpResponse) -> str:
    """Return the text of <main>, with single spaces."""
    main = re.sub(r"<[^>]*>", " ", page.text.partition("<main ")[2].partition("</main>")[0])
    return " ".join(unescape(main).split())


def links(page: HttpResponse, pattern: str) -> list[str]:
    """Return the addresses of the links whose tag matches."""
    tags = re.findall(r"<(?:a|link) [^>]*>", page.text)
    return [
        unescape(found[1])
        for tag in tags
        if re.search(pattern, tag) and (found := re.search(r'href="([^"]*)"', tag))
    ]


def add(number: int, **fields: Any) -> list[Clip]:
    """Add clips named 1, 2, 3, …"""
    values = {"genre": "ambient", "duration": 28.5, "audio_file": "samples/ambient-sounds.mp3"}
    return Clip.objects.bulk_create(
        Clip(**{**values, "title": f"{n}", **fields}) for n in range(1, number + 1)
    )


def test_pages_show_each_clip_once_the_newest_first(get: Get) -> None:
    add(60)
    shown = [titles(get(page=page)) for page in (1, 2, 3)]
    assert [len(page) for page in shown] == [24, 24, 12]
    assert [title for page in shown for title in page] == [str(n) for n in range(60, 0, -1)]
    assert "60 clips, the newest first · page 2 of 3" in text_of(get(page=2))


def test_page_links_to_its_neighbours_and_its_own_address(get: Get) -> None:
    add(60)
    page = get(page=2, genre="ambient", utm_source="letter")
    assert links(page, 'link rel="canonical"') == ["http://testserver/?genre=ambient&page=2"]
    assert links(page, 'link rel="prev"') == ["/?genre=ambient"]
    assert links(page, 'link rel="next"') == ["/?genre=ambient&page=3"]
    assert links(page, 'aria-current="page"') == ["/?genre=ambient&page=2"]
    assert "noindex" not in page.text
    assert "noindex" in get(q="1").text


@pytest.mark.parametrize(
    ("page", "last", "numbers"),
    [
        (1, 1, [1]),
        (1, 3, [1, 2, 3]),
        (1, 9, [1, 2, 0, 9]),
        (3, 9, [1, 2, 3, 4, 0, 9]),
        (4, 9, [1, 2, 3, 4, 5, 0, 9]),
        (5, 9, [1, 0, 4, 5, 6, 0, 9]),
        (9, 9, [1, 0, 8, 9]),
    ],
)
def test_numbers_of_pages_are_the_first_the_last_and_those_around(
    page: int, last: int, numbers: list[int]
) -> None:
    assert [number for number, _ in _pages(Choice(page=page), last)] == numbers


def test_filters_are_those_of_the_api(get: Get) -> None:
    add(1, title="Rain", tags=["wet", "night"], licence="CC-BY-4.0", creator="Ann")
    add(1, title="Rain drum", genre="House", tags=["wet"], licence="CC-BY-NC-4.0")
    add(1, title="Other", genre="jazz")
    for query, expected in (
        ({"q": '"rain drum"'}, ["Rain drum"]),
        ({"q": "rains -drum"}, ["Rain"]),
        ({"genre": "HOUSE"}, ["Rain drum"]),
        ({"genre": ["house", "jazz"]}, ["Other", "Rain drum"]),
        ({"tag": ["Wet", "night"]}, ["Rain"]),
        ({"licence": "CC-BY"}, ["Rain"]),
        ({"creator": "ann", "q": "rain"}, ["Rain"]),
        ({"q": "  ", "genre": "", "tag": ""}, ["Other", "Rain drum", "Rain"]),
    ):
        assert titles(get(**query)) == expected, query


def test_search_shows_the_best_match_first(get: Get) -> None:
    add(1, title="Rain")
    add(1, title="Something else", description="with rain")
    assert titles(get(q="rain")) == ["Rain", "Something else"]
    assert titles(get()) == ["Something else", "Rain"]


def test_chosen_filters_can_be_removed(get: Get) -> None:
    add(1, genre="drum & bass", tags=["rain"])
    page = get(q="1", genre="drum & bass", tag="rain")
    assert links(page, "Remove") == [
        "/?genre=drum+%26+bass&tag=rain",
        "/?q=1&tag=rain",
        "/?q=1&genre=drum+%26+bass",
    ]
    assert "<title>“1” · drum &amp; bass · #rain | Clips</title>" in page.text
    assert '<input type="hidden" name="genre" value="drum &amp; bass">' in page.text
    assert links(page, 'class="clear"') == ["/"]


def test_frequent_values_narrow_the_list_down(get: Get) -> None:
    add(3, tags=["rain", "night"], licence="CC0-1.0")
    add(2, genre="jazz", tags=["rain"])
    expected = "Genres ambient 3 jazz 2 Tags rain 5 night 3 Licences CC0 1.0 3"
    assert expected in text_of(get())
    page = get(tag="rain", genre="jazz")
    assert links(page, 'class="tag" href="[^"]*night') == []
    page = get(tag="rain")
    assert "/?genre=jazz&tag=rain" in links(page, 'class="tag"')
    assert "/?tag=rain&tag=night" in links(page, 'class="tag"')


def test_page_does_without_counts_that_are_too_busy(get: Get) -> None:
    add(1)
    with mock.patch.object(facets, "count", side_effect=FacetsBusy):
        page = get()
    assert (page.status_code, titles(page)) == (200, ["1"])
    assert "Genres" not in text_of(page)
    assert "Genres" in text_of(get())


@pytest.mark.parametrize(
    ("query", "name", "sentence"),
    [
        ({"page": "0"}, "Page", "greater than or equal to 1"),
        ({"page": "-1"}, "Page", "greater than or equal to 1"),
        ({"page": "abc"}, "Page", "Must be a whole number."),
        ({"page": "1.5"}, "Page", "Must be a whole number."),
        ({"page": ["1", "2"]}, "Page", "Use this parameter only once."),
        ({"q": "-rain"}, "Search", "Add a word to search for."),
        ({"q": "x" * 201}, "Search", "no more than 200 characters"),
        ({"q": "a\0b"}, "Search", "Null characters"),
        ({"q": ["a", "b"]}, "Search", "Use this parameter only once."),
        ({"licence": "WTFPL"}, "Licence", "Use one of CC0"),
        ({"genre": "x" * 65}, "Genre", "1 to 64 characters"),
        ({"tag": "x" * 41}, "Tag", "at most 40 characters"),
        ({"tag": list("abcdefghijklmnopqrstuvwxyz")}, "Tag", "at most 20 tags"),
    ],
)
def test_invalid_value_is_explained_above_the_form_that_keeps_the_rest(
    get: Get, query: dict[str, Any], name: str, sentence: str
) -> None:
    page = get(**{"genre": "jazz", **query})
    assert page.status_code == 400
    assert re.search(f"{name}: [^:]*{sentence}", text_of(page))
    assert ('name="genre" value="jazz"' in page.text) is (name != "Genre")
    assert "noindex" in page.text


def test_page_past_the_end_links_to_the_last_one(get: Get) -> None:
    add(30)
    for number in (3, 10**30):
        page = get(page=number, genre="ambient")
        assert page.status_code == 404
        assert "/?genre=ambient&page=2" in links(page, "page=2")
        assert "this list ends with page 2" in text_of(page)


def test_empty_library_says_how_to_add_clips(get: Get) -> None:
    page = get()
    assert page.status_code == 200
    assert "There are no clips yet. Editors add them in the back office" in text_of(page)
    assert get(page=2).status_code == 404


def test_search_without_results_suggests_another_spelling(get: Get) -> None:
    add(1, title="Ambient night")
    page = get(q="ambeint", genre="ambient")
    assert page.status_code == 200
    assert "No clip matches" in text_of(page)
    assert "Did you mean ambient ?" in text_of(page)
    assert "/?q=ambient&genre=ambient" in links(page, 'dir="auto"')


def test_card_links_to_its_clip_and_to_similar_ones(get: Get) -> None:
    (clip,) = add(
        1,
        title="A & <b>",
        genre="r&b",
        creator="Ö/ö",
        licence="CC-BY-4.0",
        tags=["a+b", "c", "d", "e", "f"],
    )
    Clip.objects.update(play_count=1234)
    page = get()
    for path in (f"/clips/{clip.pk}", "/?genre=r%26b", "/?creator=%C3%96%2F%C3%B6"):
        assert path in links(page, "href"), path
    assert {"/?licence=CC-BY-4.0", "/?tag=a%2Bb"} <= set(links(page, "href"))
    assert "A & <b>" in text_of(page)
    assert "0:29" in text_of(page)
    assert "1,234 plays" in text_of(page)
    assert f'<noscript><audio controls preload="none" src="/api/v1/clips/{clip.pk}' in page.text


def test_list_includes_each_change_at_once(get: Get) -> None:
    first, second, _ = add(3, tags=["rain"])
    for query in ({}, {"genre": "ambient"}, {"q": "rain"}):
        assert titles(get(**query)) == ["3", "2", "1"]
    Clip.objects.filter(pk=second.pk).mark_deleted()
    Clip.objects.filter(pk=first.pk).update(genre="jazz", title="One")
    add(1, title="New", tags=["rain"])
    assert titles(get()) == ["New", "3", "One"]
    assert titles(get(genre="ambient")) == ["New", "3"]
    assert titles(get(q="rain")) == ["New", "3", "One"]
    Clip.objects.filter(pk=second.pk).restore()
    Clip.objects.filter(pk=first.pk).withdraw("rights")
    assert titles(get()) == ["New", "3", "2"]
    assert titles(get(q="rain")) == ["New", "3", "2"]


@pytest.fixture
def reads() -> Iterator[mock.Mock]:
    """Count how often the ids of a list are read from all clips."""
    with mock.patch.object(matches, "_read", wraps=matches._read) as read:
        yield read


def test_added_clips_do_not_read_a_list_again(get: Get, reads: mock.Mock) -> None:
    add(3)
    for _ in range(3):
        add(2)
        get()
        get(genre="ambient", page=1)
        get(q="unrelated")
    assert reads.call_count == 3


def test_many_changes_at_once_read_a_list_again(
    get: Get, reads: mock.Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matches, "MOST_CHANGES", 3)
    get()
    add(4)
    assert titles(get()) == ["4", "3", "2", "1"]
    assert reads.call_count == 2


def test_kept_lists_have_a_limited_size(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matches, "MOST_KEPT", 3 * matches.OVERHEAD)
    for number in range(5):
        get(genre=f"genre {number}")
    assert len(matches._kept) == 3


def test_every_page_runs_the_same_few_statements(client: Client, transactional_db: None) -> None:
    add(80)
    client.get("/")
    for path in ("/", "/?page=2", "/?page=4"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(path)
        assert len(queries) <= 3, path
        assert "OFFSET" not in str(queries.captured_queries)


def test_public_page_is_compressed_and_reads_no_session(client: Client, db: None) -> None:
    page = client.get("/", headers={"Accept-Encoding": "gzip"})
    assert page["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in page["Vary"]
    assert "Cookie" not in page["Vary"]
    assert not hasattr(page.wsgi_request, "session")
    assert not client.get("/").has_header("Content-Encoding")
