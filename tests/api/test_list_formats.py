"""The list as a playlist, as feeds and as a table."""

import csv
import html
import io
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import requests
from django.test import Client

from harness.origin import Origin, answer
from harness.waiting import until
from library.api.list_formats import playable
from library.api.list_formats.m3u import UNKNOWN
from library.models import Clip
from tests.support.field_errors import faulty
from tests.support.lists import kept_by

Http = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]
CLIPS = "/api/v1/clips"
TYPES = {
    "m3u": "audio/mpegurl; charset=utf-8",
    "rss": "application/rss+xml; charset=utf-8",
    "jsonfeed": "application/feed+json",
    "csv": "text/csv; charset=utf-8",
}
ODD = "]]> & <b>\"bold\"</b> 'it' été 🎵 ﷽"
ATOM = "{http://www.w3.org/2005/Atom}"
ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"


@pytest.fixture
def odd_clip(make_clip: MakeClip) -> Clip:
    return make_clip(
        title=ODD,
        creator="A & B <c>",
        description=f"{ODD}\n\tTwo ]]>\r\nlines & more",
        genre="drum & bass",
        tags=["<a>", 'b"'],
        size_bytes=12_345,
        content_type="audio/flac",
        duration=29.5,
        created_at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
    )


def items(http: Http, query: str = "") -> list[ET.Element]:
    response = http("GET", f"{CLIPS}?format=rss&{query}")
    return ET.fromstring(response.content).findall("channel/item")


def test_rss_has_the_required_elements_and_survives_odd_text(http: Http, odd_clip: Clip) -> None:
    response = http("GET", f"{CLIPS}?format=rss&genre=drum+%26+bass")
    root = ET.fromstring(response.content)
    assert (root.tag, root.get("version"), len(root)) == ("rss", "2.0", 1)
    channel = root[0]
    assert all(channel.findtext(name) for name in ("title", "link", "description"))
    assert channel.findtext("title") == "Clips: drum & bass"
    (link,) = channel.findall(f"{ATOM}link")
    assert link.attrib == {"rel": "self", "type": "application/rss+xml", "href": response.url}
    (item,) = channel.findall("item")
    assert item.findtext("title") == ODD
    assert item.findtext("{http://purl.org/dc/elements/1.1/}creator") == "A & B <c>"
    assert [each.text for each in item.findall("category")] == ["drum & bass", "<a>", 'b"']
    description = item.findtext("description") or ""
    assert "<b>" not in description
    lines = odd_clip.description.splitlines()
    assert html.unescape(description).split("<br>\n") == lines
    clip_url = response.url.partition("?")[0] + f"/{odd_clip.pk}"
    enclosure = item.find("enclosure")
    assert enclosure is not None
    assert enclosure.attrib == {
        "url": f"{clip_url}/stream",
        "length": "12345",
        "type": "audio/flac",
    }
    guid = item.find("guid")
    assert guid is not None
    assert (guid.text, guid.attrib) == (clip_url, {"isPermaLink": "false"})
    # Nobody reads the JSON of the API: the link leads to the clip's page.
    assert item.findtext("link") == f"{channel.findtext('link')}clips/{odd_clip.pk}"
    pub_date = item.findtext("pubDate") or ""
    assert parsedate_to_datetime(pub_date) == odd_clip.created_at.replace(microsecond=0)
    assert item.findtext(f"{ITUNES}duration") == "30"


def test_rss_without_valid_xml_characters_is_valid(http: Http, make_clip: MakeClip) -> None:
    """Values that SQL has written may have characters that XML excludes."""
    make_clip(title="a\x0bb\x1b\ufffe\U0001f600", description="\x01", creator="x\x7f")
    (item,) = items(http)
    assert item.findtext("title") == "ab\U0001f600"


def test_enclosures_have_the_length_and_type_of_the_stream(
    http: Http, make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    upload = make_clip(title="An upload that was never checked")
    url = origin.on("/audio.flac", answer(mp3))
    stored = make_clip(title="Stored", audio_url=url)
    make_clip(title="Never fetched", audio_url=origin.on("/other.flac", answer(mp3)))
    make_clip(title="Of an unknown type", audio_url=origin.on("/other", answer(mp3)))
    http("GET", f"{CLIPS}/{stored.pk}/stream")

    def facts() -> list[tuple[str | None, str | None]]:
        found = [item.find("enclosure") for item in items(http, "ordering=id")]
        return [(each.get("type"), each.get("length")) for each in found if each is not None]

    until(lambda: facts()[1][1] != "0")  # the copy is complete soon after the response
    for clip, fact in zip((upload, stored), facts(), strict=False):
        head = http("HEAD", f"{CLIPS}/{clip.pk}/stream").headers
        assert fact == (head["Content-Type"], head["Content-Length"])
    # By the profile of RSS, 0 stands for an unknown length.
    assert facts()[2:] == [("audio/flac", "0"), ("application/octet-stream", "0")]
    feed = http("GET", f"{CLIPS}?format=jsonfeed&ordering=-id").json()
    assert "size_in_bytes" not in feed["items"][0]["attachments"][0]


def test_response_opens_a_limited_number_of_files(
    client: Client, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playable, "MOST_FILES", 2)
    for title in "abcd":
        make_clip(title=title, **({"size_bytes": 9, "content_type": "x/y"} if title == "a" else {}))
    feed = client.get(f"{CLIPS}?format=jsonfeed&ordering=id").json()
    sizes = [item["attachments"][0].get("size_in_bytes") for item in feed["items"]]
    assert sizes[0] == 9
    assert [size is not None for size in sizes] == [True, True, True, False]


def test_json_feed_is_complete(http: Http, odd_clip: Clip, make_clip: MakeClip) -> None:
    plain = make_clip(title="Plain", size_bytes=1)
    response = http("GET", f"{CLIPS}?format=jsonfeed&limit=1&ordering=id")
    feed = response.json()
    base = response.url.partition("/api")[0]
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert (feed["feed_url"], feed["home_page_url"]) == (response.url, f"{base}/")
    assert feed["next_url"] == response.links["next"]["url"]
    (item,) = feed["items"]
    url = f"{base}{CLIPS}/{odd_clip.pk}"
    assert item == {
        "id": url,
        "url": f"{base}/clips/{odd_clip.pk}",
        "title": ODD,
        "content_text": odd_clip.description,
        "date_published": "2026-01-02T03:04:05.000678Z",
        "date_modified": http("GET", f"{CLIPS}/{odd_clip.pk}").json()["updated_at"],
        "authors": [{"name": "A & B <c>"}],
        "tags": ["drum & bass", "<a>", 'b"'],
        "attachments": [
            {
                "url": f"{url}/stream",
                "mime_type": "audio/flac",
                "title": ODD,
                "size_in_bytes": 12_345,
                "duration_in_seconds": 29.5,
            }
        ],
    }
    last = http("GET", CLIPS + "?" + feed["next_url"].partition("?")[2]).json()
    assert "next_url" not in last
    assert [each["id"] for each in last["items"]] == [f"{base}{CLIPS}/{plain.pk}"]
    assert "authors" not in last["items"][0]


def test_feeds_have_the_newest_first_and_other_formats_the_order_of_the_list(
    http: Http, make_clip: MakeClip
) -> None:
    for day, title in enumerate(("Ambient a", "Ambient b", "Ambient c"), 1):
        make_clip(title=title, created_at=datetime(2026, 1, day, tzinfo=UTC))
    for query in ("", "&search=ambient"):
        titles = [each.findtext("title") for each in items(http, query)]
        assert titles == ["Ambient c", "Ambient b", "Ambient a"]
    assert items(http, "ordering=title")[0].findtext("title") == "Ambient a"
    table = http("GET", f"{CLIPS}?format=csv&fields=title").content
    assert table == b"title\r\nAmbient a\r\nAmbient b\r\nAmbient c\r\n"


def test_m3u_has_absolute_urls_durations_and_titles(
    http: Http, make_clip: MakeClip, odd_clip: Clip
) -> None:
    make_clip(title="Two\nlines", duration=0.2)
    response = http("GET", f"{CLIPS}?format=m3u")
    base = response.url.partition("?")[0]
    first, second = (clip["id"] for clip in http("GET", CLIPS).json())
    assert response.content.decode("utf-8").splitlines() == [
        "#EXTM3U",
        "#PLAYLIST:Clips",
        f"#EXTINF:30,A & B <c> - {ODD}",
        f"{base}/{first}/stream",
        "#EXTINF:1,Two lines",
        f"{base}/{second}/stream",
    ]
    assert response.headers["Content-Disposition"] == 'inline; filename="clips.m3u8"'


def test_csv_has_the_chosen_fields_and_no_formulas(http: Http, make_clip: MakeClip) -> None:
    make_clip(
        title='=HYPERLINK("x")',
        description="-1\n+2;@3",
        creator="Ann, Bob",
        tags=["=a", "b"],
        audio={"loudness": -14.5},
        duration=30,
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    fields = "title,description,duration,created_at,creator,tags,licence,audio,health"
    response = http("GET", f"{CLIPS}?format=csv&fields={fields}")
    assert response.headers["Content-Disposition"] == 'attachment; filename="clips.csv"'
    header, row = csv.reader(io.StringIO(response.content.decode("utf-8"), newline=""))
    cells = dict(zip(header, row, strict=True))
    assert set(header) == set(fields.split(","))
    assert cells["title"] == '\'=HYPERLINK("x")'
    assert cells["description"] == "'-1\n'+2;'@3"
    assert cells["tags"] == "'=a, b"
    assert (cells["duration"], cells["licence"]) == ("30", "")
    assert (cells["created_at"], cells["creator"]) == ("2026-01-02T00:00:00Z", "Ann, Bob")
    assert cells["audio"] == '{"loudness":-14.5}'
    assert cells["health"] == '{"status":"unchecked","reason":null,"since":null}'


@pytest.mark.parametrize("name", TYPES)
def test_formats_page_filter_and_revalidate_as_json(
    http: Http, make_clip: MakeClip, name: str
) -> None:
    for title in ("One", "Two", "Three"):
        make_clip(title=title, genre="jazz")
    make_clip(genre="rock")
    url: str | None = f"{CLIPS}?format={name}&genre=jazz&limit=2&ordering=-title"
    bodies = []
    while url:
        response = http("GET", url)
        assert response.headers["Content-Type"] == TYPES[name]
        assert response.headers["X-Total-Count"] == "3"
        tag = {"If-None-Match": response.headers["ETag"]}
        assert http("GET", url, headers=tag).status_code == 304
        assert http("HEAD", url).headers["ETag"] == response.headers["ETag"]
        bodies.append(response.text)
        following: Any = response.links.get("next")
        url = following and CLIPS + "?" + following["url"].partition("?")[2]
    first, second = bodies
    assert first.index("Two") < first.index("Three")
    assert "One" in second
    assert "One" not in first


@pytest.mark.parametrize("name", ["m3u", "rss", "jsonfeed"])
def test_plays_do_not_change_formats_without_counts(http: Http, clip: Clip, name: str) -> None:
    before = http("GET", f"{CLIPS}?format={name}").headers["ETag"]
    http("GET", f"{CLIPS}/{clip.pk}/stream")
    assert http("GET", f"{CLIPS}?format={name}").headers["ETag"] == before


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/rss+xml", TYPES["rss"]),
        ("application/feed+json, application/json;q=0.9", TYPES["jsonfeed"]),
        ("text/csv, */*;q=0.1", TYPES["csv"]),
        ("audio/*", TYPES["m3u"]),
        ("audio/x-mpegurl", "audio/x-mpegurl; charset=utf-8"),
        ("application/vnd.apple.mpegurl", "application/vnd.apple.mpegurl; charset=utf-8"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("application/rss+xml;q=0, */*", "application/json"),
    ],
)
def test_accept_chooses_the_format(http: Http, clip: Clip, accept: str, media_type: str) -> None:
    response = http("GET", CLIPS, headers={"Accept": accept})
    assert (response.status_code, response.headers["Content-Type"]) == (200, media_type)


def test_format_takes_precedence_over_accept(http: Http, clip: Clip) -> None:
    accept = {"Accept": "application/rss+xml"}
    assert http("GET", f"{CLIPS}?format=json", headers=accept).json()[0]["id"] == clip.pk
    table = http("GET", f"{CLIPS}?format=csv", headers=accept)
    assert table.headers["Content-Type"] == TYPES["csv"]
    assert http("GET", CLIPS, headers={"Accept": "image/png"}).status_code == 406
    assert http("GET", f"{CLIPS}/{clip.pk}", headers=accept).status_code == 406


@pytest.mark.parametrize("query", ["format=rss", "format=jsonfeed", "format=m3u"])
def test_fields_are_refused_where_the_format_has_its_own(http: Http, query: str) -> None:
    response = http("GET", f"{CLIPS}?{query}&fields=id")
    assert (response.status_code, faulty(response)) == (400, ["fields"])
    assert query.removeprefix("format=") in response.json()["fields"][0]
    assert response.headers["Content-Type"] == "application/json"


def test_empty_lists_are_valid(http: Http) -> None:
    assert items(http) == []
    assert http("GET", f"{CLIPS}?format=jsonfeed").json()["items"] == []
    assert http("GET", f"{CLIPS}?format=m3u").text == "#EXTM3U\n#PLAYLIST:Clips\n"
    assert http("GET", f"{CLIPS}?format=csv&fields=id").text == "id\r\n"


def test_formats_show_the_preview_where_only_previews_are_public(
    client: Client, make_clip: MakeClip, settings: Any
) -> None:
    settings.CLIPS_PUBLISH = "preview"
    made = {"part": "preview", "format": "mp3", "quality": "high", "duration": 12.0}
    made |= {"size_bytes": 999, "content_type": "audio/mpeg", "etag": '"x"', "file": "x"}
    whole: dict[str, Any] = {"size_bytes": 12_345, "content_type": "audio/flac", "duration": 60}
    make_clip(title="Made", renditions=[made], **whole)
    make_clip(title="Pending", **whole)
    feed = client.get(f"{CLIPS}?format=jsonfeed&ordering=id").json()
    shown = [each["attachments"][0] for each in feed["items"]]
    assert [each["mime_type"] for each in shown] == ["audio/mpeg", "audio/mpeg"]
    assert [each.get("size_in_bytes") for each in shown] == [999, None]
    assert [each.get("duration_in_seconds") for each in shown] == [12.0, None]
    playlist = client.get(f"{CLIPS}?format=m3u").content.decode()
    assert [line for line in playlist.splitlines() if "EXTINF" in line] == [
        "#EXTINF:12,Made",
        f"#EXTINF:{UNKNOWN},Pending",
    ]


def test_server_may_keep_formats_that_show_only_the_library(client: Client, clip: Clip) -> None:
    assert kept_by(client, f"{CLIPS}?format=csv") == "library"
    assert kept_by(client, f"{CLIPS}?format=m3u") == "changes"  # it has no sizes
    assert kept_by(client, f"{CLIPS}?format=rss") is None  # the size is that of the file
    Clip.objects.update(size_bytes=1, content_type="audio/mpeg")
    assert kept_by(client, f"{CLIPS}?format=rss") == "changes"
