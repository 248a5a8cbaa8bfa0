"""The list of clips: filters, fields, errors and revalidation."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from library.api.serializers import ClipSerializer
from library.models import Clip, State
from library.search.vocabulary import vocabulary
from tests.support.editors import bearer, editor
from tests.support.field_errors import faulty
from tests.support.lists import kept_by

Http = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]
CLIPS = "/api/v1/clips"


def titles(http: Http, query: str) -> list[str]:
    response = http("GET", f"{CLIPS}?{query}")
    assert response.status_code == 200, response.text
    return [clip["title"] for clip in response.json()]


@pytest.fixture
def library(make_clip: MakeClip) -> None:
    """Four clips that differ in every field that can be filtered."""
    make_clip(title="Rain", genre="nature", duration=10, tags=["rain", "night"], health="ok")
    make_clip(title="Swing", genre="Jazz", duration=20, tags=["night"], licence="CC0-1.0")
    make_clip(title="Été", genre="chanson", duration=30, tags=["été"], licence="CC-BY-4.0")
    make_clip(title="Gone", genre="jazz", duration=40, health="failing")


def facts(loudness: float | None, channels: int, *, lossless: bool) -> dict[str, Any]:
    return {"loudness": loudness, "channels": channels, "lossless": lossless}


def test_filters_by_facts_of_the_audio(http: Http, make_clip: MakeClip) -> None:
    make_clip(title="Quiet", audio=facts(-31.25, 1, lossless=False))
    make_clip(title="Usual", audio=facts(-14.0, 2, lossless=False))
    make_clip(title="Loud", audio=facts(0.5, 6, lossless=True))
    make_clip(title="Silence", audio=facts(None, 2, lossless=True))
    make_clip(title="Unknown")
    expected = {
        "min_loudness=-14": ["Usual", "Loud"],
        "max_loudness=-14": ["Quiet", "Usual"],
        "min_loudness=-14.0&max_loudness=-14": ["Usual"],
        "min_loudness=-31.25&max_loudness=-31.25": ["Quiet"],
        "min_loudness=-1e2&max_loudness=1e2": ["Quiet", "Usual", "Loud"],
        "min_loudness=0": ["Loud"],
        "max_loudness=-40": [],
        "min_loudness=-10&max_loudness=-20": [],
        "min_loudness=": ["Quiet", "Usual", "Loud", "Silence", "Unknown"],
        "lossless=true": ["Loud", "Silence"],
        "lossless=false": ["Quiet", "Usual"],
        "channels=2": ["Usual", "Silence"],
        "channels=8": [],
        "channels=2&lossless=true": ["Silence"],
        "channels=2&lossless=true&min_loudness=-99": [],
        "lossless=false&max_loudness=-20&ordering=-id&limit=1&fields=title": ["Quiet"],
    }
    assert {query: titles(http, query) for query in expected} == expected


@pytest.mark.usefixtures("library")
def test_filters_return_matching_clips(http: Http) -> None:
    expected = {
        "genre=jazz": ["Swing", "Gone"],
        "genre=JAZZ&genre=nature": ["Rain", "Swing", "Gone"],
        "genre=polka": [],
        "tag=night": ["Rain", "Swing"],
        "tag=night&tag=rain": ["Rain"],
        "tag=%20NIGHT%20": ["Rain", "Swing"],
        "tag=%C3%89T%C3%89": ["Été"],
        "min_duration=20": ["Swing", "Été", "Gone"],
        "max_duration=20.0": ["Rain", "Swing"],
        "min_duration=15&max_duration=35": ["Swing", "Été"],
        "min_duration=1e308": [],
        "licence=cc-by-4.0": ["Été"],
        "licence=http://creativecommons.org/publicdomain/zero/1.0/deed.fr": ["Swing"],
        "health=failing": ["Gone"],
        "health=unchecked": ["Swing", "Été"],
        "genre=jazz&tag=night&max_duration=25&licence=CC0-1.0&health=unchecked": ["Swing"],
    }
    assert {query: titles(http, query) for query in expected} == expected


@pytest.mark.usefixtures("library")
def test_blank_parameters_count_as_not_given(http: Http) -> None:
    plain = http("GET", CLIPS).content
    for query in ("format=json", "genre=&tag=&search=&min_duration=&ordering=&limit=", "search=+"):
        assert http("GET", f"{CLIPS}?{query}").content == plain
    indented = http("GET", CLIPS, headers={"Accept": "application/json; indent=4"})
    assert indented.content == plain


@pytest.mark.parametrize(
    ("query", "name", "message"),
    [
        ("page=2", "page", "genre, tag, search, min_duration"),
        ("Limit=2", "Limit", "Unknown parameter."),
        ("limit=0", "limit", "greater than or equal to 1"),
        ("limit=1001", "limit", "less than or equal to 1000"),
        ("limit=" + "9" * 2000, "limit", "too large"),
        *((f"limit={n}", "limit", "whole number") for n in ("ten", "1_0", "%2B5", "1e1", "%D9%A3")),
        *((f"min_duration={n}", "min_duration", "number") for n in ("1_0", "nan", "%D9%A3")),
        ("limit=1&limit=2", "limit", "only once"),
        ("ordering=genre", "ordering", "-play_count"),
        ("ordering=--id", "ordering", "-play_count"),
        ("ordering=%2B-id", "ordering", "-play_count"),
        ("fields=id,secret", "fields", "id, title, description"),
        ("fields=,", "fields", "id, title, description"),
        ("health=broken", "health", "unchecked, ok, failing"),
        ("format=xml", "format", "json"),
        ("licence=WTFPL", "licence", "CC0-1.0"),
        ("licence=http://%00", "licence", "CC0-1.0"),
        ("min_duration=nan", "min_duration", "a number"),
        *((f"min_loudness={n}", "min_loudness", "LUFS, such as") for n in ("nan", "-inf", "--14")),
        ("max_loudness=loud", "max_loudness", "Must be a number of LUFS, such as -14."),
        ("max_loudness=-14&max_loudness=-18", "max_loudness", "only once"),
        *((f"lossless={n}", "lossless", "true or false") for n in ("1", "yes", "True", "null")),
        *((f"channels={n}", "channels", "from 1 to 8") for n in ("0", "9", "-1", "2.0", "x")),
        ("min_duration=1e999", "min_duration", "a number"),
        ("max_duration=-1", "max_duration", "greater than or equal to 0"),
        ("max_duration=0x10", "max_duration", "a number"),
        ("genre=%00", "genre", "no NUL"),
        ("genre=" + "x" * 65, "genre", "1 to 64 characters"),
        ("tag=a%00b", "tag", "Control characters"),
        ("tag=a,b", "tag", "cannot contain commas"),
        ("tag=" + "&tag=".join(map(str, range(21))), "tag", "at most 20 tags"),
        ("search=" + "x" * 201, "search", "no more than 200"),
        ("search=%00", "search", "Null characters"),
        ("cursor=nonsense", "cursor", "Link header"),
        ("cursor=%FF:é:x", "cursor", "Link header"),
    ],
)
def test_unknown_or_invalid_parameter_is_400_by_its_name(
    http: Http, query: str, name: str, message: str
) -> None:
    response = http("GET", f"{CLIPS}?{query}")
    assert (response.status_code, faulty(response)) == (400, [name])
    assert message in " ".join(response.json()[name])
    assert response.headers["Cache-Control"] == "no-store"


def test_all_invalid_parameters_are_reported_at_once(http: Http) -> None:
    response = http("GET", f"{CLIPS}?limit=0&order=title&health=ill")
    assert set(faulty(response)) == {"limit", "order", "health"}


def test_unknown_parameter_of_one_clip_is_400(http: Http, clip: Clip) -> None:
    assert faulty(http("GET", f"{CLIPS}/{clip.pk}?limit=1")) == ["limit"]


@pytest.mark.parametrize(
    "fields", ["title", "health,id", "audio_url,stream_url", "attribution", "licence_url, tags"]
)
def test_fields_selects_the_fields_of_clips(http: Http, clip: Clip, fields: str) -> None:
    whole = http("GET", f"{CLIPS}/{clip.pk}").json()
    expected = {name.strip(): whole[name.strip()] for name in fields.split(",")}
    assert http("GET", f"{CLIPS}/{clip.pk}?fields={fields}").json() == expected
    assert http("GET", f"{CLIPS}?fields={fields}").json() == [expected]


def test_list_detail_and_creation_return_the_same_representation(http: Http) -> None:
    new = {"title": "New", "genre": "x", "duration": 1, "audio_url": "https://example.com/a"}
    made = http("POST", CLIPS, json=new).json()
    assert made.pop("duplicates") == []
    assert http("GET", CLIPS).json() == [made]
    assert http("GET", f"{CLIPS}/{made['id']}").json() == made
    assert list(made) == list(ClipSerializer().fields)


def test_total_counts_matching_clips_on_all_pages(http: Http, make_clip: MakeClip) -> None:
    for genre in ("jazz", "rock", "rock", "rock"):
        make_clip(genre=genre)
    totals = {
        query: http("GET", f"{CLIPS}?{query}").headers["X-Total-Count"]
        for query in ("", "limit=1", "genre=rock&limit=2", "genre=polka")
    }
    assert totals == {"": "4", "limit=1": "4", "genre=rock&limit=2": "3", "genre=polka": "0"}


@pytest.mark.parametrize(
    ("query", "queries"),
    [("", 1), ("limit=10", 2), ("limit=10&search=ambient&tag=a&genre=ambient&ordering=-title", 3)],
)
def test_list_costs_a_constant_number_of_queries(
    make_clip: MakeClip,
    client: Client,
    django_assert_num_queries: DjangoAssertNumQueries,
    query: str,
    queries: int,
) -> None:
    for _ in range(30):
        make_clip(tags=["a", "b"], creator="Ann", licence="MIT")
    vocabulary.prepare()  # once in each process
    with django_assert_num_queries(queries):
        assert client.get(f"{CLIPS}?{query}").json()


def revalidate(http: Http, path: str, response: requests.Response) -> Any:
    return http("GET", path, headers={"If-None-Match": response.headers["ETag"]})


@pytest.mark.parametrize("path", [CLIPS, f"{CLIPS}?ordering=-title", f"{CLIPS}/{{}}"])
def test_revalidation_is_304_until_a_play(http: Http, clip: Clip, path: str) -> None:
    path = path.format(clip.pk)
    first = http("GET", path)
    again = revalidate(http, path, first)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    http("GET", f"{CLIPS}/{clip.pk}/stream")
    assert revalidate(http, path, first).status_code == 200


def test_page_whose_total_or_links_change_is_not_304(http: Http, make_clip: MakeClip) -> None:
    path = f"{CLIPS}?limit=1"
    make_clip()
    alone = http("GET", path)
    make_clip()
    linked = revalidate(http, path, alone)
    make_clip()
    assert linked.status_code == revalidate(http, path, linked).status_code == 200


@pytest.mark.parametrize("path", [CLIPS, f"{CLIPS}/{{}}"])
def test_responses_must_be_revalidated(http: Http, clip: Clip, path: str) -> None:
    headers = http("HEAD", path.format(clip.pk)).headers
    assert (headers["Cache-Control"], headers["Vary"]) == (
        "no-cache",
        "Accept, Accept-Encoding, origin",
    )
    assert headers["ETag"].startswith('"')


def test_server_may_keep_lists_and_clips(client: Client, clip: Clip) -> None:
    assert kept_by(client, CLIPS) == kept_by(client, f"{CLIPS}?genre=jazz") == "library"
    assert kept_by(client, f"{CLIPS}?fields=id,title") == "changes"
    assert kept_by(client, f"{CLIPS}?fields=id&ordering=-play_count") == "library"
    assert kept_by(client, f"{CLIPS}/{clip.pk}?fields=title") == ("clip", clip.pk)


def test_server_may_keep_neither_errors_nor_answers_to_editors(client: Client, clip: Clip) -> None:
    path = f"{CLIPS}/{clip.pk}"
    assert kept_by(client, f"{CLIPS}?limit=0") is None
    assert kept_by(client, path + "0") is None
    assert kept_by(client, path, **bearer(editor())) is None
    Clip.objects.update(state=State.DRAFT)
    assert kept_by(client, path) is None
