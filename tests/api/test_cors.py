"""CORS: pages of other sites can use the API, but not a visitor's session."""

from collections.abc import Callable, Iterator

import pytest
import requests
from django.contrib.auth import get_user_model
from playwright.sync_api import Browser, Page

from harness.chromium import CHROMIUM, SEEK
from harness.origin import Origin, answer
from harness.service import Server
from library.models import Clip

Http = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]

in_chromium = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: make system-tools")
ELSEWHERE = {"Origin": "https://elsewhere.example"}
READABLE = {
    *("link", "x-total-count", "etag", "location", "retry-after", "x-request-id"),
    *("ratelimit", "ratelimit-policy", "content-length", "content-range", "accept-ranges"),
    *("content-disposition", "content-location"),
    "idempotent-replayed",
    "x-did-you-mean",
}
# Returns status, body and the named headers, as a page can read them.
FETCH = """async ([url, options, names]) => {
  const response = await fetch(url, options);
  const body = [...new Uint8Array(await response.arrayBuffer())];
  const headers = names.map((name) => response.headers.get(name));
  return [response.status, body, headers];
}"""


def words(header: str) -> set[str]:
    return {word.strip().lower() for word in header.split(",")}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/clips", 200),
        ("/api/v1/clips/{id}/stream", 200),
        ("/api/v1/clips/{id}/stats/", 308),
        ("/api/v1/clips?limit=0", 400),
        ("/api/v1/clips/999/stream", 404),
        ("/openapi.json", 200),
    ],
)
def test_response_is_readable_by_any_page(http: Http, clip: Clip, path: str, status: int) -> None:
    response = http("GET", path.format(id=clip.pk), headers=ELSEWHERE)
    assert response.status_code == status
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert words(response.headers["Access-Control-Expose-Headers"]) == READABLE


@pytest.mark.parametrize("header", ["bytes=0-9", "bytes=-0"])
def test_206_and_416_are_readable_by_any_page(http: Http, clip: Clip, header: str) -> None:
    headers = {**ELSEWHERE, "Range": header}
    response = http("GET", f"/api/v1/clips/{clip.pk}/stream", headers=headers)
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert words(response.headers["Vary"]) == {"origin"}


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", "range,if-none-match"),
        ("POST", "authorization,content-type,idempotency-key"),
        ("PATCH", "authorization,content-type,if-match"),
    ],
)
def test_preflight_allows_methods_and_headers(http: Http, method: str, headers: str) -> None:
    wanted = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    granted = http("OPTIONS", "/api/v1/clips", headers=ELSEWHERE | wanted).headers
    assert granted["Access-Control-Allow-Origin"] == "*"
    assert method.lower() in words(granted["Access-Control-Allow-Methods"])
    assert words(headers) <= words(granted["Access-Control-Allow-Headers"])


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_cookies_are_not_allowed(http: Http, method: str) -> None:
    wanted = {"Access-Control-Request-Method": "DELETE", "Cookie": "sessionid=x"}
    response = http(method, "/api/v1/clips", headers=ELSEWHERE | wanted)
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/metrics"])
def test_only_the_api_is_readable_by_other_sites(http: Http, path: str) -> None:
    response = http("GET", path, headers=ELSEWHERE)
    assert response.status_code == 200
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.fixture
def page(browser: Browser, origin: Origin) -> Iterator[Page]:
    """An empty page of another site."""
    html = {"Content-Type": "text/html"}
    context = browser.new_context()
    page = context.new_page()
    page.goto(origin.on("/page", answer(b"<!DOCTYPE html><title>Elsewhere</title>", headers=html)))
    yield page
    context.close()


@in_chromium
def test_page_of_another_site_plays_and_seeks(page: Page, clip: Clip, server: Server) -> None:
    url = f"{server.url}/api/v1/clips/{clip.pk}/stream"
    page.set_content(f'<audio crossorigin src="{url}"></audio>')
    assert page.locator("audio").evaluate(SEEK) == pytest.approx([28.5, 20, 3], abs=0.1)


@in_chromium
def test_page_of_another_site_reads_a_range(
    page: Page, clip: Clip, server: Server, mp3: bytes
) -> None:
    url = f"{server.url}/api/v1/clips/{clip.pk}/stream"
    # If-None-Match needs a preflight
    options = {"headers": {"Range": "bytes=0-2", "If-None-Match": '"other"'}}
    names = ["Content-Range", "Content-Length", "Accept-Ranges", "Content-Disposition"]
    status, body, headers = page.evaluate(FETCH, [url, options, names])
    assert (status, bytes(body)) == (206, mp3[:3])
    assert headers == [
        *(f"bytes 0-2/{len(mp3)}", "3", "bytes", 'inline; filename="Ambient Sounds.mp3"')
    ]


@in_chromium
def test_page_of_another_site_reads_the_code_of_an_error(
    page: Page, make_clip: MakeClip, origin: Origin, server: Server
) -> None:
    clip = make_clip(audio_url=origin.on("/gone", answer(status="410 Gone")))
    url = f"{server.url}/api/v1/clips/{clip.pk}/stream"
    status, body, _ = page.evaluate(FETCH, [url, {}, []])
    assert (status, b'"code":"origin_' in bytes(body)) == (502, True)


@in_chromium
def test_page_of_another_site_cannot_use_an_editors_session(
    page: Page, clip: Clip, server: Server
) -> None:
    """Another port is another origin but the same site, so SameSite cookies are sent."""
    get_user_model().objects.create_superuser("editor", password="editor")
    elsewhere = page.url
    page.goto(f"{server.url}/admin/")
    page.get_by_label("Username").fill("editor")
    page.get_by_label("Password").fill("editor")
    page.get_by_role("button", name="Log in").click()
    page.goto(elsewhere)
    url = f"{server.url}/api/v1/clips/{clip.pk}"
    statuses = page.evaluate(
        """(url) => Promise.all(["include", "same-origin"].map((credentials) =>
             fetch(url, {method: "DELETE", credentials}).then(({status}) => status, String)))""",
        url,
    )
    assert statuses == ["TypeError: Failed to fetch", 401]
    assert Clip.objects.available().filter(pk=clip.pk).exists()
