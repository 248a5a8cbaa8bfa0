"""/feed.xml and /feed.json: the list as feeds, complete for podcast apps."""

import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import requests
from django.test import Client

from library.models import Clip
from tests.support.database import hidden_clips
from tests.support.field_errors import faulty
from tests.support.lists import kept_by

Http = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]
ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
ATOM = "{http://www.w3.org/2005/Atom}"
TYPES = {
    "/feed.xml": "application/rss+xml; charset=utf-8",
    "/feed.json": "application/feed+json",
}
FEEDS = tuple(TYPES)


def channel_of(response: Any) -> ET.Element:
    channel = ET.fromstring(response.content).find("channel")
    assert channel is not None
    return channel


def test_podcast_has_what_directories_require(http: Http, clip: Clip, server: Any) -> None:
    channel = channel_of(http("GET", "/feed.xml"))
    found = {name: channel.findtext(name) for name in ("title", "description", "language")}
    assert found == {"title": "Clips", "description": "Short audio clips.", "language": "en"}
    assert channel.findtext(f"{ITUNES}author") == "Clips"
    assert channel.findtext(f"{ITUNES}explicit") == "false"
    category, image, own = (
        channel.find(name) for name in (f"{ITUNES}category", f"{ITUNES}image", f"{ATOM}link")
    )
    assert category is not None
    assert image is not None
    assert own is not None
    assert category.get("text") == "Music"
    assert (own.get("rel"), own.get("href")) == ("self", f"{server.url}/feed.xml")
    cover = requests.get(image.get("href", ""), timeout=30)
    assert cover.headers["Content-Type"] == "image/png"
    assert "immutable" in cover.headers["Cache-Control"]
    width, height, bits, color = struct.unpack(">IIBB", cover.content[16:26])
    assert width == height
    assert 1400 <= width <= 3000
    assert (bits, color) == (8, 2)  # RGB without transparency
    assert len(cover.content) < 50_000


def test_items_lead_to_audio_that_a_podcast_app_can_download(http: Http, clip: Clip) -> None:
    (item,) = channel_of(http("GET", "/feed.xml")).findall("item")
    enclosure = item.find("enclosure")
    assert enclosure is not None
    head = requests.head(enclosure.get("url", ""), timeout=30)
    assert enclosure.get("length") == head.headers["Content-Length"]
    assert enclosure.get("type") == head.headers["Content-Type"]
    assert item.findtext(f"{ITUNES}duration") == "29"


def test_guid_outlives_every_change_of_a_clip(client: Client, clip: Clip) -> None:
    def ids() -> tuple[str | None, str]:
        return (
            channel_of(client.get("/feed.xml")).findtext("item/guid"),
            client.get("/feed.json").json()["items"][0]["id"],
        )

    before = ids()
    clip.title, clip.audio_file, clip.audio_url = "Other", "", "https://example.com/other.flac"
    clip.genre = "rock"
    clip.save()
    assert ids() == before


def test_newest_hundred_come_first_and_the_rest_on_further_pages(
    client: Client, transactional_db: None
) -> None:
    day = datetime(2026, 1, 1, tzinfo=UTC)
    Clip.objects.bulk_create(
        Clip(
            title=f"Clip {number}",
            genre="jazz",
            duration=1,
            audio_url=f"https://example.com/{number}.mp3",
            created_at=day + timedelta(hours=number),
        )
        for number in range(150)
    )
    titles: list[str | None] = []
    sizes = []
    url: str | None = "/feed.xml"
    while url:
        channel = channel_of(client.get(url))
        page = [item.findtext("title") for item in channel.findall("item")]
        titles += page
        sizes.append(len(page))
        url = next(
            (
                link.get("href")
                for link in channel.findall(f"{ATOM}link")
                if link.get("rel") == "next"
            ),
            None,
        )
        assert url is None or url.startswith("http://testserver/feed.xml?cursor=")
    assert sizes == [100, 50]
    assert titles == [f"Clip {number}" for number in reversed(range(150))]
    assert client.get("/feed.json").json()["next_url"].startswith("http://testserver/feed.json?")


def test_feeds_take_the_filters_of_the_list(client: Client, make_clip: MakeClip) -> None:
    make_clip(title="Blue", genre="jazz", tags=["slow"])
    make_clip(title="Loud", genre="rock")
    for query in ("genre=jazz", "search=blue", "tag=slow", "genre=jazz&limit=5&ordering=title"):
        channel = channel_of(client.get(f"/feed.xml?{query}"))
        assert [item.findtext("title") for item in channel.findall("item")] == ["Blue"]
        feed = client.get(f"/feed.json?{query}").json()
        assert [item["title"] for item in feed["items"]] == ["Blue"]
    assert channel_of(client.get("/feed.xml?genre=jazz")).findtext("title") == "Clips: jazz"


@pytest.mark.parametrize("path", FEEDS)
@pytest.mark.parametrize("accept", ["", "text/html", "image/png", "application/json"])
def test_path_and_not_accept_decides_the_format(
    client: Client, clip: Clip, path: str, accept: str
) -> None:
    response = client.get(path, headers={"Accept": accept} if accept else {})
    assert (response.status_code, response["Content-Type"]) == (200, TYPES[path])


@pytest.mark.parametrize("path", FEEDS)
@pytest.mark.parametrize("name", ["format", "fields", "colour", "limit"])
def test_other_parameters_are_refused_by_name(client: Client, path: str, name: str) -> None:
    response: Any = client.get(f"{path}?{name}=0")
    assert (response.status_code, faulty(response)) == (400, [name])


def test_parameters_of_campaigns_are_ignored(client: Client, clip: Clip) -> None:
    response = client.get("/feed.xml?utm_source=letter&genre=no-such-genre")
    assert (response.status_code, "<item>" in response.text) == (200, False)


@pytest.mark.parametrize("path", FEEDS)
def test_feeds_revalidate_compress_and_are_limited_like_reads(
    http: Http, make_clip: MakeClip, path: str
) -> None:
    make_clip(description="Rain on a roof of slate. " * 60, size_bytes=1, content_type="audio/mpeg")
    for _ in range(4):  # the second time, a process may send an answer that it keeps
        response = http("GET", path, headers={"Origin": "https://elsewhere.example"})
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Cache-Control"] == "no-cache"
        tag = {"If-None-Match": response.headers["ETag"]}
        assert http("GET", path, headers=tag).status_code == 304
        assert http("HEAD", path).headers["ETag"] == response.headers["ETag"]
        small = http("GET", path, headers={"Accept-Encoding": "gzip"})
        assert small.headers["Content-Encoding"] == "gzip"
        assert small.content == response.content
    assert http("POST", path).status_code == 405


@pytest.mark.parametrize("path", FEEDS)
def test_server_keeps_feeds_until_a_clip_changes(http: Http, clip: Clip, path: str) -> None:
    Clip.objects.update(size_bytes=1, content_type="audio/mpeg")
    before = http("GET", path).text
    assert "Ambient Sounds" in before
    with hidden_clips():
        assert http("GET", path).text == before
        assert http("GET", path, headers={"Cookie": "a=b"}).status_code == 500
    Clip.objects.update(title="Other")
    for _ in range(4):
        assert "Ambient" not in http("GET", path).text


def test_server_may_keep_feeds(client: Client, clip: Clip) -> None:
    Clip.objects.update(size_bytes=1, content_type="audio/mpeg")
    assert {kept_by(client, path) for path in FEEDS} == {"changes"}
