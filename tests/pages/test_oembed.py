"""GET /oembed, by the rules of https://oembed.com."""

import re
from html import unescape
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.utils import timezone

from library.models import Clip, State
from tests.support.analyses import analysed
from tests.support.recipes import sample_clip

pytestmark = pytest.mark.django_db
HOST = "http://testserver"


@pytest.fixture
def clip() -> Clip:
    clip: Clip = sample_clip.make(
        title='Rain & "Thunder"', creator="Ann", creator_url="https://example.com/ann"
    )
    analysed(clip)
    return clip


def ask(client: Client, url: str, **parameters: Any) -> Any:
    return client.get("/oembed", {"url": url, **parameters})


def test_page_is_described_with_the_snippet_that_it_shows(client: Client, clip: Clip) -> None:
    page = f"{HOST}/clips/{clip.pk}"
    response = ask(client, page)
    found = response.json()
    assert response["Content-Type"] == "application/json"
    assert response["Access-Control-Allow-Origin"] == "*"
    html = found.pop("html")
    assert html == (
        f'<iframe src="{HOST}/embed/{clip.pk}" width="480" height="152" '
        'title="Player: Rain &amp; &quot;Thunder&quot; by Ann" loading="lazy" frameborder="0">'
        "</iframe>"
    )
    image = client.get(found.pop("thumbnail_url"))
    assert image.content[16:24] == (480).to_bytes(4) + (252).to_bytes(4)
    assert found == {
        "version": "1.0",
        "type": "rich",
        "title": 'Rain & "Thunder"',
        "author_name": "Ann",
        "author_url": "https://example.com/ann",
        "provider_name": "Clips",
        "provider_url": f"{HOST}/",
        "cache_age": 3600,
        "width": 480,
        "height": 152,
        "thumbnail_width": 480,
        "thumbnail_height": 252,
    }
    shown = client.get(page).content.decode()
    [snippet] = re.findall(r'<textarea id="clip-snippet"[^>]*>(.*?)</textarea>', shown)
    assert unescape(snippet) == html


def test_discovery_links_of_the_page_lead_to_both_formats(client: Client, clip: Clip) -> None:
    html = client.get(f"/clips/{clip.pk}").content.decode()
    links = dict(re.findall(r'<link rel="alternate" type="([^"]+oembed)" href="([^"]+)"', html))
    by_json = client.get(unescape(links["application/json+oembed"]))
    by_xml = client.get(unescape(links["text/xml+oembed"]))
    assert by_xml["Content-Type"] == "text/xml; charset=utf-8"
    root = ElementTree.fromstring(by_xml.content)
    assert root.tag == "oembed"
    values = {name: str(value) for name, value in by_json.json().items()}
    assert {element.tag: element.text for element in root} == values


@pytest.mark.parametrize(
    ("limits", "size", "thumbnail"),
    [
        ({"maxwidth": 2000, "maxheight": "99999"}, (480, 152), (480, 252)),
        ({"maxwidth": 320}, (320, 152), (320, 252)),
        ({"maxwidth": 200}, (200, 152), (200, 252)),
        ({"maxheight": 100}, (480, 100), (480, 100)),
        ({"maxwidth": " 300 ", "maxheight": ""}, (300, 152), (300, 252)),
        ({"maxwidth": 49}, (49, 152), None),
        ({"maxheight": 1}, (480, 1), None),
    ],
)
def test_limits_are_kept(
    client: Client, clip: Clip, limits: Any, size: tuple[int, int], thumbnail: Any
) -> None:
    found = ask(client, f"{HOST}/clips/{clip.pk}", **limits).json()
    assert (found["width"], found["height"]) == size
    assert f'width="{size[0]}" height="{size[1]}"' in found["html"]
    if thumbnail is None:
        assert not [name for name in found if name.startswith("thumbnail")]
    else:
        assert (found["thumbnail_width"], found["thumbnail_height"]) == thumbnail
        assert client.get(found["thumbnail_url"]).status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "http://testserver/clips/{}?utm_source=a&theme=x#t=3",
        "http://testserver/clips/{}/",
        "http://TestServer:80/clips/{}",
        "https://testserver/clips/{}",
        "http://testserver/embed/{}?theme=dark",
        "  http://testserver/clips/{}  ",
        "https://clips.example/clips/{}",
        "https://clips.example:443/clips/{}",
    ],
)
def test_address_of_this_service_is_recognised(
    client: Client, clip: Clip, url: str, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "clips.example", "*"]
    assert ask(client, url.format(clip.pk)).status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "http://other.example/clips/{}",
        "http://testserver.other.example/clips/{}",
        "http://testserver@other.example/clips/{}",
        "http://testserver:81/clips/{}",
        "http://testserver:x/clips/{}",
        "ftp://testserver/clips/{}",
        "//testserver/clips/{}",
        "/clips/{}",
        "{}",
        "http://[testserver/clips/{}",
        "http://testserver/api/v1/clips/{}",
        "http://testserver/clips/{}/report",
        "http://testserver/clips/x{}",
        "http://testserver/",
        "http://testserver/clips/999999",
        "http://testserver/clips/1234567890123456789{}",
    ],
)
def test_other_address_is_404(client: Client, clip: Clip, url: str, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    response = ask(client, url.format(clip.pk))
    assert response.status_code == 404
    assert response.json()["detail"] == "There is no clip at this URL."
    assert response["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    "values", [{"state": State.DRAFT}, {"state": State.WITHDRAWN}, {"deleted_at": timezone.now()}]
)
def test_hidden_clip_is_404(client: Client, values: dict[str, Any]) -> None:
    hidden = sample_clip.make(**values)
    assert ask(client, f"{HOST}/clips/{hidden.pk}").status_code == 404


@pytest.mark.parametrize(
    ("query", "status", "name"),
    [
        ("", 400, "url"),
        ("url=", 400, "url"),
        ("maxwidth=0&url={}", 400, "maxwidth"),
        ("maxwidth=-1&url={}", 400, "maxwidth"),
        ("maxheight=1.5&url={}", 400, "maxheight"),
        ("maxheight=99999999999&url={}", 400, "maxheight"),
        ("maxheight=%C2%B2&url={}", 400, "maxheight"),
        ("format=yaml&url={}", 501, "detail"),
        ("format=XML&url={}", 501, "detail"),
    ],
)
def test_invalid_parameter_is_an_error_in_json(
    client: Client, clip: Clip, query: str, status: int, name: str
) -> None:
    response = client.get(f"/oembed?{query.format(quote(f'{HOST}/clips/{clip.pk}'))}")
    assert response.status_code == status
    assert response["Content-Type"] == "application/json"
    assert name in response.json()


def test_clip_without_creator_and_analysis_has_neither(client: Client) -> None:
    found = ask(client, f"{HOST}/clips/{sample_clip.make().pk}").json()
    assert not {"author_name", "author_url", "thumbnail_url"} & found.keys()
    assert 'title="Player: Ambient Sounds"' in found["html"]


def test_head_works(client: Client, clip: Clip) -> None:
    response = client.head("/oembed", {"url": f"{HOST}/clips/{clip.pk}"})
    assert (response.status_code, response.content) == (200, b"")
