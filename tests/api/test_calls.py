"""The operations of the API over HTTP: representations and errors."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from django.core.management import call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from library.models import Clip
from tests.support.field_errors import faulty

Http = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]

NEW = {
    "title": "New Clip",
    "description": "A description for the new clip",
    "genre": "electronic",
    "duration": 30.5,
    "audio_url": "https://example.com/path/to/audio.mp3",
}
FIELDS = {  # of the first releases: clients rely on them, while new ones may be added
    *NEW,
    *("id", "stream_url", "play_count", "created_at", "updated_at"),
    *("tags", "creator", "creator_url", "licence", "licence_url", "attribution"),
    *("content_type", "size_bytes", "health", "state"),
}


def test_list_is_an_array_by_id(http: Http, make_clip: MakeClip) -> None:
    ids = [make_clip().pk for _ in range(3)]
    listed = http("GET", "/api/v1/clips").json()
    assert [clip["id"] for clip in listed] == ids
    assert set(listed[0]) >= FIELDS


def test_list_links_to_the_next_page(http: Http, make_clip: MakeClip, server: Any) -> None:
    ids = [make_clip().pk for _ in range(5)]
    found, path = [], "/api/v1/clips?limit=2"
    while path:
        response = http("GET", path)
        found += [clip["id"] for clip in response.json()]
        path = response.links.get("next", {}).get("url", "").removeprefix(server.url)
    assert found == ids


def test_list_costs_a_constant_number_of_queries(
    make_clip: MakeClip, client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(20):
        make_clip()
    with django_assert_num_queries(1):
        assert len(client.get("/api/v1/clips").json()) == 20


def test_clip_is_shown(http: Http, clip: Clip, server: Any) -> None:
    shown = http("GET", f"/api/v1/clips/{clip.pk}").json()
    assert shown["stream_url"] == f"{server.url}/api/v1/clips/{clip.pk}/stream"
    assert shown["audio_url"] == shown["stream_url"]
    assert shown["page_url"] == f"{server.url}/clips/{clip.pk}"
    assert http("GET", f"/clips/{clip.pk}").status_code == 200
    assert shown["created_at"].endswith("Z")


def test_clip_is_added_and_can_be_read(http: Http) -> None:
    response = http("POST", "/api/v1/clips", json=NEW)
    made = response.json()
    assert response.status_code == 201
    assert {key: made[key] for key in NEW} == NEW
    assert response.headers["Location"] == f"/api/v1/clips/{made['id']}"
    assert made.pop("duplicates") == []
    assert http("GET", response.headers["Location"]).json() == made


def test_new_clip_gets_an_id_after_the_samples(http: Http) -> None:
    call_command("loaddata", "clips", verbosity=0)
    assert http("POST", "/api/v1/clips", json=NEW).json()["id"] > 6


def test_read_only_fields_cannot_be_set(http: Http) -> None:
    response = http("POST", "/api/v1/clips", json={**NEW, "id": 99999, "play_count": 7})
    assert (response.status_code, faulty(response)) == (400, ["id", "play_count"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "   "),
        ("title", "x" * 201),
        ("title", None),
        ("title", "a\0b"),
        ("title", 7),
        ("description", "x" * 5001),
        ("genre", " "),
        ("genre", "x" * 65),
        ("duration", 0),
        ("duration", -1),
        ("duration", 3600.1),
        ("duration", "long"),
        ("duration", True),
        ("duration", "nan"),
        ("duration", "inf"),
        ("audio_url", ""),
        ("audio_url", "not a url"),
        ("audio_url", "ftp://example.com/a.mp3"),
        ("audio_url", "http://10.0.0.1/a.mp3"),
        ("audio_url", "http://2130706432/a.mp3"),
        ("audio_url", "http://user:word@example.com/a.mp3"),
        ("audio_url", "http://example.com:22/a.mp3"),
        ("audio_url", "https://example.com/" + "a" * 2000),
    ],
)
def test_invalid_field_is_400_with_an_entry_for_it(http: Http, field: str, value: Any) -> None:
    response = http("POST", "/api/v1/clips", json={**NEW, field: value})
    assert (response.status_code, faulty(response)) == (400, [field])
    assert not Clip.objects.exists()


def test_all_missing_fields_are_reported(http: Http) -> None:
    response = http("POST", "/api/v1/clips", json={})
    assert set(faulty(response)) == {"title", "genre", "duration", "audio_url"}


@pytest.mark.parametrize("body", ["", "{", "[]", "1", "null", '"text"', "\xff", '{"title": NaN}'])
def test_body_that_is_not_an_object_is_400(http: Http, body: str) -> None:
    response = http(
        "POST",
        "/api/v1/clips",
        data=body.encode("latin-1"),
        headers={"Content-Type": "application/json"},
    )
    assert response.status_code == 400
    assert response.json()


def test_other_media_type_is_415(http: Http) -> None:
    response = http("POST", "/api/v1/clips", data={"title": "a"})
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/clips/999999", 404, "not_found"),
        ("GET", "/api/v1/clips/999999/stats", 404, "not_found"),
        ("GET", "/api/v1/clips/abc", 404, "not_found"),
        ("GET", "/api/v1/clips/99999999999999999999999", 404, "not_found"),
        ("GET", "/api/v1/clips/999999999999999999", 404, "not_found"),
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("PUT", "/api/v1/clips/1", 405, "method_not_allowed"),
        ("DELETE", "/api/v1/clips", 405, "method_not_allowed"),
        ("POST", "/api/v1/clips/1/stream", 405, "method_not_allowed"),
    ],
)
def test_error_is_json_with_a_code(
    http: Http, method: str, path: str, status: int, code: str
) -> None:
    response = http(method, path)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["Content-Type"].startswith("application/json")


def test_unknown_host_is_400_in_json(http: Http) -> None:
    response = http("GET", "/api/v1/clips", headers={"Host": "evil.example"})
    assert (response.status_code, response.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_probes_accept_any_host(http: Http, path: str) -> None:
    assert http("GET", path, headers={"Host": "10.1.2.3:8000"}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/v1/clips/", "/docs/", "/livez/", "/api/v1/", "/api/v1/clips/1/stats/"]
)
def test_trailing_slash_is_308_to_the_path_without(http: Http, path: str) -> None:
    response = http("GET", f"{path}?limit=2")
    assert response.status_code == 308
    assert response.headers["Location"] == f"{path[:-1]}?limit=2"


def test_redirect_never_leaves_the_site(http: Http) -> None:
    response = http("GET", "//api/v1/clips/")
    assert response.headers["Location"] == "/api/v1/clips"


def test_statistics_of_a_clip_without_plays(http: Http, clip: Clip) -> None:
    stats = http("GET", f"/api/v1/clips/{clip.pk}/stats").json()
    assert (stats["id"], stats["title"], stats["play_count"]) == (clip.pk, clip.title, 0)
    assert stats["first_played_at"] is None
    assert stats["last_played_at"] is None


def test_openapi_lists_every_path(http: Http) -> None:
    schema = http("GET", "/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    assert set(schema["paths"]) == {
        "/api/v1",
        "/api/v1/changes",
        "/api/v1/clips",
        "/api/v1/clips/bulk",
        "/api/v1/clips/{id}",
        "/api/v1/clips/{id}/audio",
        "/api/v1/clips/{id}/listens",
        "/api/v1/clips/{id}/stats",
        "/api/v1/clips/{id}/stream",
        "/api/v1/clips/{id}/waveform",
        "/api/v1/clips/{id}/waveform.png",
        "/api/v1/clips/{id}/waveform.svg",
        "/api/v1/facets",
        "/api/v1/stats",
        "/api/v1/stats/clips",
        "/api/v1/suggest",
        "/api/v1/webhooks",
        "/api/v1/webhooks/{id}",
        "/api/v1/webhooks/{id}/deliveries",
        "/api/v1/webhooks/{id}/deliveries/{delivery}/resend",
        "/api/v1/webhooks/{id}/pause",
        "/api/v1/webhooks/{id}/resume",
        "/api/v1/webhooks/{id}/secret",
        "/api/v1/webhooks/{id}/test",
    }


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/docs/plays", "/redoc", "/livez", "/readyz", "/metrics"]
)
def test_page_exists(http: Http, path: str, clip: Clip) -> None:
    assert http("GET", path).status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/docs/plays", "/redoc", "/"])
def test_page_loads_nothing_from_other_hosts(http: Http, path: str) -> None:
    page = http("GET", path).text
    loaded = page.replace("&lt;script src=", "")  # the example of a script
    assert 'src="http' not in loaded
    assert "//cdn" not in page
