"""Previews in the API: their settings, their URLs, and libraries that publish nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from requests import get
from rest_framework.exceptions import ValidationError

from harness.service import Server
from library.api import errors
from library.api.stream_steps import variant_of
from library.models import Clip
from library.renditions.variants import DEFAULT_PREVIEW, Variant
from tests.support.editors import bearer, editor
from tests.support.recipes import linked_clip, make_clip
from tests.support.renditions import PREVIEW, analysed, with_renditions

NEW = {"title": "A", "genre": "a", "duration": 20, "audio_url": "https://example.com/a.mp3"}
ORIGIN = "https://origin.example/secret.mp3"
JSON = "application/json"


@pytest.fixture
def only_previews(settings: Any) -> None:
    settings.CLIPS_PUBLISH = "preview"


def listed(client: Client, clip: Clip) -> Any:
    return client.get(f"/api/v1/clips/{clip.pk}").json()


@pytest.mark.parametrize(
    ("query", "variant"),
    [
        ("", None),
        ("part=whole", None),
        ("x=1&y", None),
        ("embedded_in=blog.example", None),
        ("part=whole&embedded_in=blog.example", None),
        ("part=preview&embedded_in=blog.example", DEFAULT_PREVIEW),
        ("part=preview", DEFAULT_PREVIEW),
        ("format=opus", Variant("whole", "opus", "high")),
        ("quality=low", Variant("whole", "mp3", "low")),
        ("part=whole&quality=high", Variant("whole", "mp3", "high")),
        ("part=preview&format=aac&quality=low&x", Variant("preview", "aac", "low")),
    ],
)
def test_variant_of_a_query(query: str, variant: Variant | None) -> None:
    assert variant_of(query) == variant


@pytest.mark.parametrize(
    ("query", "variant"),
    [
        ("", DEFAULT_PREVIEW),
        ("download=1", DEFAULT_PREVIEW),
        ("format=opus", Variant("preview", "opus", "high")),
    ],
)
@pytest.mark.usefixtures("only_previews")
def test_only_previews_are_chosen(query: str, variant: Variant) -> None:
    assert variant_of(query) == variant


@pytest.mark.parametrize("query", ["part=whole", "part=whole&format=mp3", "quality=low&part=whole"])
@pytest.mark.usefixtures("only_previews")
def test_whole_is_not_public(query: str) -> None:
    with pytest.raises(errors.WholeNotPublic):
        variant_of(query)


@pytest.mark.usefixtures("only_previews")
def test_unknown_part_is_an_error_there_too() -> None:
    with pytest.raises(ValidationError):
        variant_of("part=all")


@pytest.mark.django_db
def test_clip_lists_its_renditions_with_their_urls(client: Client) -> None:
    opus = PREVIEW._replace(format="opus", quality="low")
    clip = with_renditions(PREVIEW, opus)
    shown = listed(client, clip)
    stream = f"http://testserver/api/v1/clips/{clip.pk}/stream"
    assert shown["preview_url"] == f"{stream}?part=preview"
    assert [made["url"] for made in shown["renditions"]] == [
        f"{stream}?part=preview&format=mp3&quality=high",
        f"{stream}?part=preview&format=opus&quality=low",
    ]
    assert list(shown["renditions"][0]) == [
        *("part", "format", "quality", "duration", "size_bytes", "content_type", "url", "etag")
    ]


@pytest.mark.django_db
def test_preview_in_another_format_is_the_preview(client: Client) -> None:
    clip = with_renditions(PREVIEW._replace(format="opus"))
    assert listed(client, clip)["preview_url"].endswith("?part=preview&format=opus&quality=high")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("only_previews")
def test_origin_is_not_shown_when_only_previews_are_public(client: Client) -> None:
    added = client.post("/api/v1/clips", NEW | {"audio_url": ORIGIN}, JSON)
    clip = linked_clip.make(audio_url=ORIGIN)
    shown = [
        added,
        client.get("/api/v1/clips"),
        client.get(f"/api/v1/clips/{clip.pk}"),
        client.post("/api/v1/clips/bulk", [NEW | {"audio_url": ORIGIN}], JSON),
        client.get("/"),
        client.get(f"/api/v1/clips/{clip.pk}/stream"),
        client.get(f"/api/v1/clips/{clip.pk}/stats"),
    ]
    assert added.status_code == 201
    assert added.json()["audio_url"] == added.json()["stream_url"]
    assert not [response for response in shown if b"origin.example" in response.content]


@pytest.mark.django_db
@pytest.mark.usefixtures("only_previews")
def test_renditions_of_the_whole_are_not_listed(client: Client) -> None:
    clip = with_renditions(PREVIEW, PREVIEW._replace(part="whole"))
    assert [made["part"] for made in listed(client, clip)["renditions"]] == ["preview"]


@pytest.mark.django_db
@pytest.mark.usefixtures("only_previews")
def test_clip_can_be_sent_back_as_it_was_read(client: Client) -> None:
    clip = linked_clip.make(audio_url=ORIGIN)
    shown = listed(client, clip)["audio_url"]
    headers = bearer(editor())
    for url in (shown, f"{shown}?part=preview", shown.replace("http://testserver", "https://b")):
        body = {"title": f"Better {url}", "audio_url": url}
        response = client.patch(f"/api/v1/clips/{clip.pk}", body, JSON, headers=headers)
        assert response.status_code == 200
        clip.refresh_from_db()
        assert (clip.title, clip.audio_url) == (body["title"], ORIGIN)


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["https://b/api/v1/clips/{}1/stream", "https://b/{}/stream"])
@pytest.mark.usefixtures("only_previews")
def test_other_url_replaces_the_source(client: Client, url: str) -> None:
    clip = linked_clip.make(audio_url=ORIGIN)
    body = {"audio_url": url.format(clip.pk).replace("//b", "//other.example")}
    path = f"/api/v1/clips/{clip.pk}"
    assert client.patch(path, body, JSON, headers=bearer(editor())).status_code == 200
    clip.refresh_from_db()
    assert clip.audio_url == body["audio_url"]


@pytest.mark.django_db
@pytest.mark.usefixtures("only_previews")
def test_listening_page_shows_the_preview_and_not_the_whole(client: Client) -> None:
    with_renditions()
    page = client.get("/").text
    assert "· 0:08 ·" in page
    assert "data-waveform" not in page


def test_public_gets_the_preview_and_editors_the_whole(
    start_server: Callable[..., Server], mp3: bytes, admin_client: Client
) -> None:
    server = start_server(CLIPS_PUBLISH="preview")
    clip, other = with_renditions(), make_clip()
    stream = f"{server.url}/api/v1/clips/{clip.pk}/stream"
    preview = get(stream)
    assert preview.headers["ETag"] == (clip.renditions or [{}])[0]["etag"]
    assert get(stream, headers={"Range": f"bytes={len(mp3) - 9}-"}).status_code == 416
    refused = get(f"{stream}?part=whole")
    assert (refused.status_code, refused.json()["code"]) == (403, "whole_not_public")
    pending = get(f"{server.url}/api/v1/clips/{other.pk}/stream")
    assert (pending.status_code, pending.json()["code"]) == (503, "rendition_pending")
    audio: Any = admin_client.get(f"/admin/library/clip/{clip.pk}/audio")
    assert b"".join(audio) == mp3


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"preview_length": 4.9}, "preview_length"),
        ({"preview_length": 61}, "preview_length"),
        ({"preview_start": -1}, "preview_start"),
        ({"preview_start": 20}, "preview_start"),
        ({"preview_fade_in": 11}, "preview_fade_in"),
        ({"preview_start": 15, "preview_fade_out": 6}, "preview_fade_out"),
        ({"preview_length": 5, "preview_fade_in": 3, "preview_fade_out": 3}, "preview_fade_in"),
    ],
)
def test_impossible_preview_is_400(client: Client, values: dict[str, Any], field: str) -> None:
    response = client.post("/api/v1/clips", NEW | values, JSON)
    assert response.status_code == 400
    assert list(response.json()) == [field, "codes"]


@pytest.mark.django_db
def test_change_is_checked_against_the_measured_duration(client: Client) -> None:
    clip = analysed(make_clip(duration=40, preview_fade_in=3.0))
    headers = bearer(editor())
    path = f"/api/v1/clips/{clip.pk}"
    for values, status in (
        ({"preview_start": 30}, 400),
        ({"preview_start": 27}, 400),
        ({"preview_start": 20}, 200),
        ({"duration": 5}, 200),
    ):
        assert client.patch(path, values, JSON, headers=headers).status_code == status, values
