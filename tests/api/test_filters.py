"""Filters by creator, licence, time and id, and the facets of what they match."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from django.test import Client

from library.api import facets
from library.api.filter_fields import MOST_IDS
from library.licences import FAMILIES, LICENCES, find_licences, licences_that_allow
from library.models import Clip, State
from tests.support.field_errors import faulty

Http = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]
CLIPS, FACETS = "/api/v1/clips", "/api/v1/facets"


def titles(http: Http, query: str) -> list[str]:
    response = http("GET", f"{CLIPS}?{query}")
    assert response.status_code == 200, response.text
    return [clip["title"] for clip in response.json()]


@pytest.fixture
def credited(make_clip: MakeClip) -> None:
    for number, (title, creator, licence) in enumerate(
        [
            ("A", "Ann", "CC-BY-4.0"),
            ("B", "ANN", "CC-BY-3.0"),
            ("C", "Tiësto", "CC-BY-NC-4.0"),
            ("D", "Annabel", "CC-BY-ND-4.0"),
            ("E", "100%_off", "CC0-1.0"),
            ("F", None, None),
        ]
    ):
        make_clip(
            title=title,
            creator=creator,
            licence=licence,
            created_at=datetime(2026, 1, 1 + number, 12, tzinfo=UTC),
            updated_at=datetime(2026, 2, 1 + number, 12, 0, 0, 500, tzinfo=UTC),
        )


@pytest.mark.usefixtures("credited")
def test_filters_return_matching_clips(http: Http) -> None:
    expected = {
        "creator=ann": "AB",
        "creator=Ann&creator=TI%C3%8BSTO": "ABC",
        "creator=tie%CC%88sto": "C",
        "creator=100%25_off": "E",
        "creator=%25": "",
        "creator=%27%20OR%201=1--": "",
        "licence=CC-BY": "AB",
        "licence=cc+by": "AB",
        "licence=CC-BY-4.0": "A",
        "licence=https://creativecommons.org/licenses/by/3.0/": "B",
        "licence=CC-BY-NC": "C",
        "licence=CC-BY-3.0&licence=CC0": "BE",
        "licence=MIT": "",
        "licence=CC-BY&licence=": "AB",
        "commercial_use=true": "ABDE",
        "commercial_use=false": "C",
        "derivatives=true": "ABCE",
        "derivatives=false": "D",
        "commercial_use=true&derivatives=true": "ABE",
        "commercial_use=false&derivatives=false": "",
        "licence=CC-BY-NC&commercial_use=true": "",
        "created_after=2026-01-03": "CDEF",
        "created_after=2026-01-03T12:00:00Z": "CDEF",
        "created_after=2026-01-03T12:00:00.000001Z": "DEF",
        "created_before=2026-01-03T12:00:00Z": "AB",
        "created_before=2026-01-03T13:00:00%2B01:00": "AB",
        "created_before=2026-01-03T13:00:00+01:00": "AB",
        "created_before=2026-01-03t12:00:01": "ABC",
        "created_after=2026-01-02&created_before=2026-01-04": "BC",
        "created_after=2026-01-04&created_before=2026-01-02": "",
        "updated_since=2026-02-05T12:00:00.0005Z": "EF",
        "updated_since=2026-02-05T12:00:00.000501Z": "F",
        "updated_since=9999-12-31": "",
        "updated_since=0001-01-01T00:00:00Z": "ABCDEF",
        "ordering=-updated_at": "FEDCBA",
        "ordering=updated_at&licence=CC-BY&creator=ann": "AB",
    }
    assert {query: "".join(titles(http, query)) for query in expected} == expected


def test_ids_choose_public_clips_in_the_order_of_the_list(http: Http, make_clip: MakeClip) -> None:
    first, second, third = (make_clip(title=title) for title in "BAC")
    hidden = make_clip(title="D", state=State.DRAFT)
    ids = f"ids={third.pk},{first.pk}, {first.pk},{hidden.pk},999999999999999999"
    assert titles(http, ids) == ["B", "C"]
    assert titles(http, f"{ids}&ordering=-title") == ["C", "B"]
    assert titles(http, f"ids=0{second.pk}") == ["A"]
    response = http("GET", f"{CLIPS}?{ids}&limit=1")
    assert response.headers["X-Total-Count"] == "2"
    assert titles(http, response.links["next"]["url"].partition("?")[2]) == ["C"]


def test_most_ids_fit_into_a_request_target_with_encoded_commas(http: Http, clip: Clip) -> None:
    numbers = (str(9_000_000 + number) for number in range(MOST_IDS - 1))
    assert titles(http, f"ids={'%2C'.join((f'{clip.pk}', *numbers))}") == [clip.title]


@pytest.mark.parametrize(
    ("query", "name", "message"),
    [
        ("creator=" + "x" * 201, "creator", "1 to 200 characters"),
        ("creator=%00", "creator", "no NUL"),
        ("creator=" + "&creator=".join("abcdefghijklmnopqrstuvw"), "creator", "no more than 20"),
        ("licence=CC", "licence", "CC-BY-NC-SA"),
        ("licence=CC-BY-9.0", "licence", "CC0-1.0 or CC-BY-4.0"),
        ("licence=none", "licence", "any version"),
        *((f"{n}=yes", n, "true or false") for n in ("commercial_use", "derivatives")),
        ("derivatives=true&derivatives=false", "derivatives", "only once"),
        *(
            (f"created_after={text}", "created_after", "2026-03-29T12:00:00+02:00")
            for text in (
                *("yesterday", "2026", "2026-02-30", "20260101", "2026-01-01T25:00:00Z", "%00"),
                *("1767225600", "2026-W01-1", "0001-01-01T00:00:00%2B02:00", "2026-01-01T12"),
                *("9999-12-31T23:59:59-01:00", "2026-01-01T12:00:00%2B25:00", "%D9%A22026-01-01"),
            )
        ),
        ("updated_since=-7d", "updated_since", "a date or an RFC 3339 date-time"),
        ("updated_since=2026-01-01&updated_since=2026-01-02", "updated_since", "only once"),
        *(
            (f"ids={text}", "ids", "separated by commas")
            for text in ("a", "1,", ",", "1,,2", "-1", "1;2", "1.5", "9" * 19, "%D9%A3", "1%202")
        ),
        ("ids=" + ",".join(["1"] * 301), "ids", "At most 300"),
        ("ids=1&ids=2", "ids", "only once"),
        ("created_since=2026-01-01", "created_since", "created_after"),
    ],
)
def test_invalid_filter_is_400_by_its_name(http: Http, query: str, name: str, message: str) -> None:
    response = http("GET", f"{CLIPS}?{query}")
    assert (response.status_code, faulty(response)) == (400, [name]), response.text
    assert message in " ".join(response.json()[name])


@pytest.mark.unit
def test_families_are_all_versions_and_nothing_else() -> None:
    assert find_licences(" cc-by ") == [f"CC-BY-{n}" for n in ("4.0", "3.0", "2.5", "2.0", "1.0")]
    assert {name for names in FAMILIES.values() for name in names} == set(LICENCES)
    for family, names in FAMILIES.items():
        assert all(name == family or name.startswith(f"{family}-") for name in names)


@pytest.mark.unit
def test_facts_of_licences_follow_their_terms() -> None:
    commercial, changed = (
        licences_that_allow(commercial_use=True),
        licences_that_allow(derivatives=True),
    )
    assert {n for n in LICENCES if "-NC" in n} == set(LICENCES) - set(commercial)
    assert {n for n in LICENCES if "-ND" in n} == set(LICENCES) - set(changed)
    assert {"CC0-1.0", "CC-PDM-1.0", "MIT", "CC-BY-SA-4.0"} <= {*commercial} & {*changed}


def counts(http: Http, query: str = "") -> dict[str, Any]:
    found = http("GET", f"{FACETS}?{query}").json()
    return {
        name: {each["value"]: each["count"] for each in found[name]} if name != "clips" else number
        for name, number in found.items()
    }


def test_facets_count_public_clips(http: Http, make_clip: MakeClip) -> None:
    assert counts(http) == {"clips": 0, "genres": {}, "tags": {}, "licences": {}, "creators": {}}
    make_clip(genre="Jazz", tags=["a", "b"], creator="Ann", licence="MIT")
    make_clip(genre="jazz", tags=["b"], creator="ANN", licence="CC0-1.0")
    make_clip(genre="jazz", tags=["b", "c"], creator="Bob")
    make_clip(genre="rock", state=State.WITHDRAWN, tags=["d"])
    make_clip(genre="jazz", licence="", creator="")  # as only SQL can write it
    expected = {
        "clips": 4,
        "genres": {"jazz": 4},
        "tags": {"b": 3, "a": 1, "c": 1},
        "licences": {"CC0-1.0": 1, "MIT": 1},
        "creators": {"ANN": 2, "Bob": 1},
    }
    found = counts(http)
    assert found == expected
    assert [*found["tags"]] == ["b", "a", "c"]


def test_facets_ignore_the_filter_of_their_field_but_tags_obey(
    http: Http, make_clip: MakeClip
) -> None:
    make_clip(genre="jazz", tags=["a", "b"], creator="Ann", licence="MIT", duration=10)
    make_clip(genre="rock", tags=["a"], creator="Bob", licence="MIT", duration=20)
    make_clip(genre="rock", tags=["c"], creator="Bob", licence="CC-BY-NC-4.0", duration=30)
    by_genre = counts(http, "genre=JAZZ")
    assert (by_genre["clips"], by_genre["genres"]) == (1, {"rock": 2, "jazz": 1})
    assert (by_genre["tags"], by_genre["creators"]) == ({"a": 1, "b": 1}, {"Ann": 1})
    by_tag = counts(http, "tag=a")
    assert (by_tag["tags"], by_tag["genres"]) == ({"a": 2, "b": 1}, {"jazz": 1, "rock": 1})
    by_licence = counts(http, "licence=MIT&min_duration=15")
    assert by_licence["licences"] == {"CC-BY-NC-4.0": 1, "MIT": 1}
    assert counts(http, "commercial_use=true")["licences"] == {"MIT": 2}
    assert counts(http, "creator=ann&search=sounds")["creators"] == {"Bob": 2, "Ann": 1}


def test_facets_have_at_most_50_values(http: Http, make_clip: MakeClip) -> None:
    for number in range(51):
        make_clip(genre=f"genre {number}", tags=[f"tag {number}", "common"])
    found = http("GET", FACETS).json()
    assert len(found["genres"]) == len(found["tags"]) == 50
    assert found["tags"][0] == {"value": "common", "count": 51}


def test_waiting_for_other_facets_is_limited(
    client: Client, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kept facets need no turn, and requests beyond the one that waits are refused at once."""
    kept = client.get(FACETS).json()
    monkeypatch.setattr(facets, "PATIENCE", 0.01)
    with facets._counting:
        assert client.get(FACETS).json() == kept
        response = client.get(f"{FACETS}?genre=rock")
        assert (response.status_code, response.json()["code"]) == (503, "facets_busy")
        assert response["Retry-After"] == "1"
        monkeypatch.setattr(facets, "PATIENCE", -1)  # forever
        with facets._waiting:
            assert client.get(f"{FACETS}?genre=rock").status_code == 503
    assert client.get(f"{FACETS}?genre=rock").status_code == 200


def test_facets_are_revalidated_until_a_clip_changes(http: Http, clip: Clip) -> None:
    first = http("GET", FACETS)
    tag = {"If-None-Match": first.headers["ETag"]}
    http("GET", f"{CLIPS}/{clip.pk}/stream")
    assert http("GET", FACETS, headers=tag).status_code == 304
    assert http("HEAD", FACETS).headers["ETag"] == first.headers["ETag"]
    Clip.objects.update(genre="polka")
    again = http("GET", FACETS, headers=tag)
    assert (again.status_code, again.json()["genres"]) == (200, [{"value": "polka", "count": 1}])


@pytest.mark.parametrize("query", ["limit=1", "ordering=id", "licence=CC"])
def test_facets_take_filters_only(http: Http, query: str) -> None:
    response = http("GET", f"{FACETS}?{query}")
    assert (response.status_code, faulty(response)) == (400, [query.partition("=")[0]])
