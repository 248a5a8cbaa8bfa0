"""Compression and revalidation of public pages."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.test import Client, RequestFactory

from library.api.negotiation import SMALLEST
from library.models import Clip
from library.pages.delivery import public
from tests.support.database import hidden_clips
from tests.support.lists import kept_by

Http = Callable[..., requests.Response]
GZIP = {"Accept-Encoding": "gzip"}
LONG = "Rain on a roof of slate. " * 100


def plain(_: Any) -> HttpResponse:
    return HttpResponse(LONG)


def response_to(headers: dict[str, str], view: Callable[..., HttpResponse] = plain) -> Any:
    return public(view)(RequestFactory().get("/", headers=headers))


@pytest.mark.parametrize("path", ["/", "/clips/{}", "/docs", "/docs/plays"])
def test_pages_are_compressed_and_revalidated(http: Http, clip: Clip, path: str) -> None:
    path = path.format(clip.pk)
    whole, small = (http("GET", path, headers=more) for more in ({}, GZIP))
    assert whole.content == small.content
    assert "Content-Encoding" not in whole.headers
    if len(whole.content) >= SMALLEST:
        assert small.headers["Content-Encoding"] == "gzip"
        assert int(small.headers["Content-Length"]) < int(whole.headers["Content-Length"])
        assert small.headers["ETag"] != whole.headers["ETag"]
    for response, coding in ((whole, {}), (small, GZIP)):
        assert "Accept-Encoding" in response.headers["Vary"]
        assert response.headers["Cache-Control"] == "no-cache"
        assert "Set-Cookie" not in response.headers
        tag = {"If-None-Match": response.headers["ETag"], **coding}
        again = http("GET", path, headers=tag)
        assert (again.status_code, again.content) == (304, b"")
        for name in ("ETag", "Cache-Control", "Vary"):
            assert again.headers[name] == response.headers[name]
        assert http("HEAD", path, headers=coding).headers["ETag"] == response.headers["ETag"]


def test_page_shows_each_play_although_it_is_revalidated(http: Http, clip: Clip) -> None:
    page = f"/clips/{clip.pk}"
    etag = http("GET", page).headers["ETag"]
    http("GET", f"/api/v1/clips/{clip.pk}/stream")
    assert http("GET", page, headers={"If-None-Match": etag}).status_code == 200


def test_page_with_a_token_is_neither_compressed_nor_tagged() -> None:
    def form(request: Any) -> HttpResponse:
        return HttpResponse(LONG + get_token(request))

    response = response_to(GZIP, form)
    assert not {"Content-Encoding", "ETag"} & set(response.headers)


@pytest.mark.parametrize("status", [404, 410, 503])
def test_errors_are_left_as_they_are(status: int) -> None:
    response = response_to(GZIP, lambda _: HttpResponse(LONG, status=status))
    assert not {"Content-Encoding", "ETag"} & set(response.headers)


@pytest.mark.parametrize("coding", ["", "br", "gzip;q=0", "identity, gzip;q=0.5"])
def test_clients_that_do_not_prefer_gzip_get_the_page_as_it_is(coding: str) -> None:
    response = response_to({"Accept-Encoding": coding})
    assert response.text == LONG
    assert response["Vary"] == "Accept-Encoding"


def test_view_may_choose_its_own_headers() -> None:
    def framed(_: Any) -> HttpResponse:
        response = HttpResponse(LONG, headers={"Cache-Control": "max-age=9", "Vary": "Origin"})
        response.xframe_options_exempt = True
        return response

    response = response_to({}, framed)
    same = response_to({"If-None-Match": response["ETag"]}, framed)
    assert same.status_code == 304
    for each in (response, same):
        assert each["Cache-Control"] == "max-age=9"
        assert each["Vary"] == "Origin, Accept-Encoding"
        assert each.xframe_options_exempt


def test_other_version_is_412() -> None:
    assert response_to({"If-Match": '"other"'}).status_code == 412


def test_static_files_are_immutable_and_compressed(http: Http, clip: Clip) -> None:
    page = http("GET", "/").text
    (style,) = (part for part in page.split('"') if "pages/base." in part)
    response = http("GET", style, headers=GZIP)
    assert response.headers["Content-Encoding"] == "gzip"
    assert "immutable" in response.headers["Cache-Control"]


def test_server_keeps_the_first_page_until_a_play_or_a_change(http: Http, clip: Clip) -> None:
    def title_and_etag() -> tuple[str, str]:
        response = http("GET", "/")
        return response.text, response.headers["ETag"]

    before = [title_and_etag() for _ in range(8)]
    assert before[1:] == before[:-1]
    with hidden_clips():
        assert title_and_etag() == before[0]
        assert http("GET", "/", headers={"Cookie": "a=b"}).status_code == 500
    http("GET", f"/api/v1/clips/{clip.pk}/stream")
    for _ in range(8):
        page = title_and_etag()
        assert page != before[0]
        assert page[0] == http("GET", "/", headers={"Cookie": "a=b"}).text
    Clip.objects.update(title="Other")
    for _ in range(8):
        assert "Ambient" not in title_and_etag()[0]


def test_server_may_keep_pages_of_the_list_except_for_searches(client: Client, clip: Clip) -> None:
    assert kept_by(client, "/") == "library"
    assert kept_by(client, "/?genre=ambient") == "library"
    assert kept_by(client, "/?genre=Ambient&tag=a+b%2Fc") == "library"
    assert kept_by(client, "/?q=ambient") is None
    for query in ("x=1", "genre=ambient&x=1", "&&", "page=1", "genre=a&genre=A", "genre=%6a"):
        assert kept_by(client, f"/?{query}") is None, query
    assert kept_by(client, f"/clips/{clip.pk}") is None
