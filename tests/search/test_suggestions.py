"""Suggestions, and other spellings for queries without matches: only from public clips."""

from collections.abc import Callable
from urllib.parse import quote, unquote

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from library.models import Clip
from library.search import vocabulary
from library.search.language import QUOTES
from library.search.suggestions import suggestions
from library.search.vocabulary import Words

Http = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]


@pytest.fixture
def library(make_clip: MakeClip) -> None:
    make_clip(title="Night Drive", creator="Tiësto", tags=["night bus"], genre="Drum & Bass")
    make_clip(title="Hi-Hat Loop", creator="Ann Nightingale", genre="house", description="zebra")
    make_clip(title="日本語の歌", genre="ambient")
    make_clip(title="Nightmare", creator="Nightwish", tags=["nightly"], genre="nightcore")
    Clip.objects.filter(title="Nightmare").mark_deleted()
    make_clip(title="Secret Nights", tags=["nightsecret"], genre="nightgenre", state="draft")
    make_clip(title="Gone Nights", creator="Nightgone", genre="nightgone", state="withdrawn")


def suggested(http: Http, text: str) -> list[tuple[str, str]]:
    response = http("GET", f"/api/v1/suggest?q={quote(text)}")
    assert response.status_code == 200, response.text
    return [(found["text"], found["kind"]) for found in response.json()]


@pytest.mark.usefixtures("library")
def test_words_are_suggested_by_their_beginnings(http: Http) -> None:
    expected = {
        "night": [
            *(("night bus", "tag"), ("Night Drive", "title"), ("Ann Nightingale", "creator")),
        ],
        "NIGHT DR": [("Night Drive", "title")],
        "tie": [("Tiësto", "creator")],
        "hihat": [("Hi-Hat Loop", "title")],
        "hi hat lo": [("Hi-Hat Loop", "title")],
        "bas": [("Drum & Bass", "genre")],
        "h": [("house", "genre"), ("Hi-Hat Loop", "title")],
        "本語": [("日本語の歌", "title")],
        "zeb": [],
        "ight": [],
    }
    assert {text: suggested(http, text) for text in expected} == expected


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("text", ["", " ", "!", '"', "-", "%", "\\", "'", "=", "\u200d", "\u0301"])
def test_nothing_is_suggested_for_no_letters(http: Http, text: str) -> None:
    assert suggested(http, text) == []


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    "text", ['"-night', "«-night", "+night", "- “-night ", '"-"-night', "−night"]
)
def test_signs_of_queries_are_ignored(http: Http, text: str) -> None:
    assert suggested(http, text) == suggested(http, "night") != []


@pytest.mark.django_db
@given(st.lists(st.sampled_from(["-", "+", "\u2212", *QUOTES, " ", "a", "日", "'", ".", "#"])))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_beginning_is_an_error(signs: list[str]) -> None:
    suggestions("".join(signs))


@pytest.mark.usefixtures("library")
def test_words_before_the_last_are_whole(http: Http) -> None:
    expected = {
        "nigh dr": [],
        "night d": ["Night Drive"],
        "hi-h": ["Hi-Hat Loop"],
        "hi h": ["Hi-Hat Loop"],
        "hi hat": ["Hi-Hat Loop"],
        "日本": ["日本語の歌"],
        "日本語の 歌": ["日本語の歌"],
    }
    assert {text: [name for name, _ in suggested(http, text)] for text in expected} == expected


def test_beginning_of_many_words_is_compared_with_texts(http: Http, make_clip: MakeClip) -> None:
    make_clip(title="One and two and three and four")
    assert len(suggested(http, "one and two and three and f")) == 1
    assert suggested(http, "one and two and three and five") == []


def test_at_most_ten_are_suggested_of_several_kinds(http: Http, make_clip: MakeClip) -> None:
    for n in range(12):
        make_clip(title=f"Rain {n}", tags=[f"rain {n}"], creator=f"Rain {n}", genre=f"rain {n}")
    found = suggested(http, "rain")
    assert len(found) == 10
    assert {kind for _, kind in found} == {"genre", "tag", "creator"}


def test_signs_tell_suggestions_apart(http: Http, make_clip: MakeClip) -> None:
    for title in ("C++ course", "C# course", "C course"):
        make_clip(title=title)
    assert suggested(http, "c#") == [("C# course", "title")]
    assert len(suggested(http, "c")) == 3


def test_too_long_beginning_and_unknown_parameters_are_400(http: Http) -> None:
    assert http("GET", "/api/v1/suggest?q=" + "x" * 201).json()["codes"] == ["q.max_length"]
    assert http("GET", "/api/v1/suggest?search=x").json()["codes"] == ["search.unknown"]


@pytest.mark.usefixtures("library")
def test_suggestions_are_revalidated(http: Http) -> None:
    etag = http("GET", "/api/v1/suggest?q=night").headers["ETag"]
    headers = {"If-None-Match": etag}
    assert http("GET", "/api/v1/suggest?q=night", headers=headers).status_code == 304


def meant(http: Http, text: str, query: str = "") -> str | None:
    response = http("GET", f"/api/v1/clips?search={quote(text)}{query}")
    assert response.status_code == 200
    value = response.headers.get("X-Did-You-Mean")
    return value and unquote(value)


@pytest.mark.usefixtures("library")
def test_unknown_words_are_corrected(http: Http) -> None:
    expected = {
        "nigth drive": "night drive",
        '"nihgt drive" -zebra': '"night drive" -zebra',
        'nihgt -"drive hoem lop" -lop \u2212lop': 'night -"drive hoem lop" -lop \u2212lop',
        "tiesot": "Tiësto",
        "lop": "loop",
        "night drive": None,  # it matches
        "night loop": None,  # both words are known
        "xylophone": None,
        "zebar": None,  # a word of a description
        "nightsecrt": None,
        "nightgoen": None,
        "nightwihs": None,
        "!!!": None,
    }
    assert {text: meant(http, text) for text in expected} == expected


@pytest.mark.usefixtures("library")
def test_correction_finds_clips_with_the_other_filters(http: Http) -> None:
    assert meant(http, "nigth", "&genre=house") == "night"
    assert meant(http, "nigth", "&genre=ambient") is None


@pytest.mark.usefixtures("library")
def test_correction_is_part_of_the_kept_answer_and_its_etag(http: Http) -> None:
    path = "/api/v1/clips?search=nigth"
    first, second = http("GET", path), http("GET", path)
    for response in (first, second):
        assert response.headers["X-Did-You-Mean"] == "night"
    assert first.headers["ETag"] != http("GET", "/api/v1/clips?search=xylophone").headers["ETag"]


@pytest.mark.usefixtures("library")
def test_withdrawn_words_are_no_correction(http: Http) -> None:
    assert meant(http, "tiesot") == "Tiësto"
    Clip.objects.filter(creator="Tiësto").withdraw("Gone.")
    assert meant(http, "tiesot") is None
    assert suggested(http, "tie") == []


def test_other_origins_may_read_the_correction(http: Http) -> None:
    response = http("GET", "/api/v1/clips", headers={"Origin": "https://example.com"})
    assert "X-Did-You-Mean" in response.headers["Access-Control-Expose-Headers"]


@pytest.mark.usefixtures("library")
def test_thread_reads_the_words_of_a_large_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "SMALL", 0)
    monkeypatch.setattr(vocabulary, "KEPT_FACTOR", 1_000_000)
    monkeypatch.setattr(vocabulary, "PATIENCE", 60)
    kept = vocabulary.Vocabulary()
    kept.prepare()
    first = kept.current()
    assert first is not None
    assert first.words == (
        *("ann", "bus", "drive", "hat", "loop", "night", "nightingale", "tiesto"),
    )
    Clip.objects.filter(creator="Tiësto").mark_deleted()
    assert kept.current() is first  # until it is due
    assert not kept.is_current()


@pytest.mark.usefixtures("library")
def test_slow_reading_of_the_words_does_not_hold_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "SMALL", 0)
    kept = vocabulary.Vocabulary()
    with kept._lock:
        assert kept.current() is None


def test_words_are_found_by_their_beginnings() -> None:
    words = Words({"night": 2, "drive": 1}, 0)
    assert [words.has_beginning(text) for text in ("nig", "night", "nights", "z", "a")] == [
        *(True, True, False, False, False),
    ]
