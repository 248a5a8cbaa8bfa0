"""GET /: search, filters and pages, without a browser."""

import gc
import random
import re
import weakref
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from threading import Event
from typing import Any
from unittest import mock

import pytest
from django.db import connection
from django.http import HttpResponse, QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from library.api import facets
from library.models import Clip
from library.pages import chips, matches
from library.pages.choices import Choice, read_choice
from library.pages.listing import _pages
from tests.support.lists import kept_by

Get = Callable[..., Any]


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
    assert "60 clips , the newest first · page 2 of 3" in text_of(get(page=2))


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
    ("query", "canonical"),
    [
        ("genre=HOUSE&genre=house&creator=ANN", "genre=house&creator=ann"),
        ("genre=%C3%89t%C3%A9", "genre=%C3%A9t%C3%A9"),
        ("genre=%C4%B0", "genre=%C4%B0"),  # its small form is two characters
        ("genre=rock&genre=jazz", "genre=jazz&genre=rock"),
        ("tag=Rain&tag=NIGHT&tag=rain", "tag=night&tag=rain"),
        ("licence=cc-by&licence=CC+BY", "licence=CC-BY"),
        ("licence=cc-by-4.0", "licence=CC-BY-4.0"),
        ("licence=https://creativecommons.org/licenses/by/4.0/", "licence=CC-BY-4.0"),
        ("licence=cc0", "licence=CC0-1.0"),
        ("genre=+jazz+&tag=&page=02&x=1", "genre=jazz&page=2"),
    ],
)
def test_spellings_of_a_list_have_one_canonical_address(query: str, canonical: str) -> None:
    assert read_choice(QueryDict(query)).canonical_url == f"/?{canonical}"


def test_filter_in_two_spellings_counts_once(get: Get) -> None:
    add(1, genre="House")
    page = get(genre=["House", "HOUSE"])
    assert len(links(page, "Remove")) == 1
    assert links(page, 'link rel="canonical"') == ["http://testserver/?genre=house"]
    assert "noindex" not in page.text


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


def test_robots_follow_single_filters_only(get: Get) -> None:
    add(2, tags=["rain", "night"])
    assert links(get(), 'class="tag" href="[^"]*rain" rel="nofollow"') == []
    assert links(get(tag="rain"), 'class="tag" href="[^"]*night" rel="nofollow"') == [
        "/?tag=rain&tag=night"
    ]


def test_counts_include_changes_that_leave_the_list_as_it_is(get: Get) -> None:
    add(2, genre="jazz", tags=["rain"])
    assert "Tags rain 2" in text_of(get(genre="jazz"))
    Clip.objects.filter(title="1").update(tags=["night"])
    assert "Tags night 1 rain 1" in text_of(get(genre="jazz"))


def test_ids_that_are_no_longer_kept_take_no_memory(get: Get) -> None:
    add(1)
    get(genre="ambient")
    ids = weakref.ref(matches.matches_of({"genre": ["ambient"]}).ids)
    assert ids() is not None
    matches.forget()
    gc.collect()
    assert ids() is None


def test_page_is_kept_once_its_values_are_counted(
    client: Client, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chips, "SMALL", 0)
    add(1)
    with chips.whole_library._lock:  # a thread counts
        assert kept_by(client, "/") is None
    kept_by(client, "/")  # begins a count
    with chips.whole_library._lock:  # the count has ended
        assert kept_by(client, "/") == "library"
        add(1)
        assert kept_by(client, "/") is None


def test_page_does_without_counts_that_are_too_busy(client: Client, get: Get) -> None:
    add(1)
    with facets._counting, facets._waiting:  # one counts, and one waits
        page = get()
    assert (page.status_code, titles(page)) == (200, ["1"])
    assert "Genres" not in text_of(page)
    with facets._counting, facets._waiting:
        assert kept_by(client, "/") is None
    assert "Genres" in text_of(get())


@pytest.mark.parametrize(
    ("query", "name", "sentence"),
    [
        ({"page": "0"}, "Page", "The first page is 1."),
        ({"page": "-1"}, "Page", "The first page is 1."),
        ({"page": "abc"}, "Page", "Must be a whole number, such as 2."),
        ({"page": "1.5"}, "Page", "Must be a whole number, such as 2."),
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
    assert re.search(f"{name}: .*{sentence}", text_of(page))
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


def test_kept_lists_are_those_that_would_be_read_again(transactional_db: None) -> None:
    queries: list[dict[str, Any]] = [{}, {"genre": ["ambient"]}, {"search": "rain"}]
    dice = random.Random(17)
    clips = add(30, tags=["rain"])
    for step in range(40):
        chosen = Clip.objects.filter(pk__in=[c.pk for c in dice.sample(clips, dice.randrange(4))])
        match step % 6:
            case 0:
                chosen.mark_deleted()
            case 1:
                chosen.restore()
            case 2:
                chosen.update(genre="jazz")
            case 3:
                chosen.update(genre="ambient", title="Rain", tags=[])
            case 4:
                chosen.update(description="Rain", tags=[])
            case _:
                clips += add(dice.randrange(3), title="Rain")
        kept = [matches.matches_of(query).ids for query in queries]
        matches.forget()
        assert kept == [matches.matches_of(query).ids for query in queries], step


def test_restored_backup_reads_a_list_again(get: Get) -> None:
    add(1)
    get(q="1")
    for key, kept in matches._kept.items():
        matches._kept[key] = kept._replace(changes=kept.changes + 10, ids=array("q"))
    assert titles(get(q="1")) == ["1"]


@pytest.fixture
def reads() -> Iterator[mock.Mock]:
    """Count how often the ids of a list are read from all clips, or from those that changed."""
    with mock.patch.object(matches, "_read", wraps=matches._read) as read:
        yield read


def whole(reads: mock.Mock) -> int:
    """Return how often the ids were read from all clips."""
    return sum("id = ANY" not in str(call.args[1].sql) for call in reads.call_args_list)


def test_added_clips_do_not_read_a_list_again(get: Get, reads: mock.Mock) -> None:
    add(3)
    for _ in range(3):
        add(2, title="Ambient")
        get()
        get(genre="ambient", page=1)
        get(q="unrelated")
        get(q="ambient")
    assert whole(reads) == 3


def test_slow_read_delays_no_other_list(get: Get) -> None:
    add(1)
    began, may_end = Event(), Event()
    read = matches._read

    def slow_for_searches(search: str, *rest: Any) -> matches.Matches:
        if search:
            began.set()
            assert may_end.wait(30)
        return read(search, *rest)

    def search() -> int:
        try:
            return len(matches.matches_of({"search": "1"}).ids)
        finally:
            connection.close()

    with mock.patch.object(matches, "_read", slow_for_searches), ThreadPoolExecutor(2) as pool:
        searches = [pool.submit(search) for _ in range(2)]
        assert began.wait(30)
        assert titles(get(genre="ambient")) == ["1"]
        assert not any(each.done() for each in searches)
        may_end.set()
        assert [each.result() for each in searches] == [1, 1]


def test_many_changes_at_once_read_a_list_again(
    get: Get, reads: mock.Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matches, "MOST_CHANGES", 3)
    get(genre="ambient")
    add(4)
    assert titles(get(genre="ambient")) == ["4", "3", "2", "1"]
    assert whole(reads) == 2


def test_kept_lists_have_a_limited_size(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matches, "MOST_KEPT", 3 * matches.OVERHEAD)
    for number in range(5):
        get(genre=f"genre {number}")
    assert len(matches._kept) == 3


def test_every_page_runs_the_same_few_statements(client: Client, transactional_db: None) -> None:
    add(80)
    client.get("/")
    for path in ("/", "/?page=2", "/?page=4"):
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        assert len(queries) <= 4, path
        assert "OFFSET" not in str(queries.captured_queries)
