"""The player for pages of other sites, and which pages may be framed, by requests."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from library.models import Clip, State
from tests.support.recipes import sample_clip

pytestmark = pytest.mark.django_db


def source_of(client: Client, clip: Clip, **headers: str) -> str:
    """Return the source of the audio in the embedded player."""
    html = client.get(f"/embed/{clip.pk}", headers=headers).content.decode()
    source: str = re.findall(r'data-src="([^"]*)"', html)[0]
    assert f'<audio controls preload="none" src="{source}"' in html  # without scripts
    return source


def test_embed_shows_the_clip_with_links_that_open_elsewhere(client: Client) -> None:
    clip = sample_clip.make(title="<b>", creator="A & B", licence="CC-BY-4.0")
    html = client.get(f"/embed/{clip.pk}").content.decode()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "A &amp; B" in html
    assert "CC BY 4.0</a>" in html
    links = re.findall(r"<a [^>]*>", html)
    assert len(links) >= 3
    assert all('target="_blank"' in link and "noopener" in link for link in links)
    assert f'href="/clips/{clip.pk}"' in html


@pytest.mark.parametrize(
    ("referrer", "host"),
    [
        ("https://blog.example/", "blog.example"),
        ("https://Blog.Example:8443/post?a#b", "blog.example"),
        ("http://[::1]/", "%3A%3A1"),
        ("https://user:secret@blog.example/", "blog.example"),
        ("android-app://org.example.app/", "org.example.app"),
    ],
)
def test_stream_carries_the_embedding_host(client: Client, referrer: str, host: str) -> None:
    clip = sample_clip.make()
    assert source_of(client, clip, Referer=referrer) == (
        f"/api/v1/clips/{clip.pk}/stream?embedded_in={host}"
    )


@pytest.mark.parametrize("referrer", ["", "about:blank", "https://<b>/", "https://[::1", "x"])
def test_unknown_embedding_host_is_left_out(client: Client, referrer: str) -> None:
    clip = sample_clip.make()
    assert source_of(client, clip, Referer=referrer) == f"/api/v1/clips/{clip.pk}/stream"


@pytest.mark.parametrize(
    ("query", "theme"),
    [("", "auto"), ("?theme=", "auto"), ("?theme=auto", "auto"), ("?theme=dark&x=1", "dark")],
)
def test_theme_is_chosen(client: Client, query: str, theme: str) -> None:
    clip = sample_clip.make()
    html = client.get(f"/embed/{clip.pk}{query}").content.decode()
    assert f'class="embed" data-theme="{theme}"' in html


def allows_frames(response: Any) -> bool:
    """Return whether pages of other sites may frame a response."""
    policy = response["Content-Security-Policy"]
    allowed = "frame-ancestors * file:" in policy and "X-Frame-Options" not in response
    refused = "frame-ancestors 'none'" in policy and response["X-Frame-Options"] == "DENY"
    assert allowed != refused
    return allowed


@pytest.mark.parametrize(
    ("values", "query", "status", "text"),
    [
        ({}, "?theme=red", 400, "Use one of: auto, light, dark."),
        ({}, "?theme=%3Cb%3E", 400, "Use one of: auto, light, dark."),
        ({"state": State.DRAFT}, "", 404, "There is no clip at this address."),
        ({"state": State.WITHDRAWN, "withdrawn_reason": "<i>"}, "", 410, "withdrawn: &lt;i&gt;"),
        ({"deleted_at": timezone.now()}, "?theme=dark", 410, "This clip was deleted."),
    ],
)
def test_error_page_fits_the_frame(
    client: Client, values: dict[str, Any], query: str, status: int, text: str
) -> None:
    clip = sample_clip.make(**values)
    response = client.get(f"/embed/{clip.pk}{query}")
    assert response.status_code == status
    assert text in response.content.decode()
    assert 'class="embed"' in response.content.decode()
    assert allows_frames(response)


@pytest.mark.django_db(transaction=True)
def test_only_the_embed_may_be_framed(client: Client) -> None:
    pk, gone = sample_clip.make().pk, sample_clip.make(deleted_at=timezone.now()).pk
    assert allows_frames(client.get(f"/embed/{pk}"))
    assert allows_frames(client.get("/embed/999"))
    others = ("/", f"/clips/{pk}", f"/clips/{gone}", "/clips/999", "/docs", "/docs/plays", "/redoc")
    for path in (*others, "/admin/login/", "/embed", "/embed/x", f"/embed/{pk}/x", "/nothing"):
        assert not allows_frames(client.get(path)), path
    for path in ("/api/v1/clips", f"/api/v1/clips/{pk}", "/oembed", "/openapi.json", "/livez"):
        assert client.get(path).get("X-Frame-Options", "DENY") == "DENY", path


def test_embed_reads_and_sets_no_cookie_and_sends_no_referrer(client: Client) -> None:
    response = client.get(f"/embed/{sample_clip.make().pk}")
    assert not response.cookies
    assert "Cookie" not in response.get("Vary", "")
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["Cache-Control"] == "private, no-cache"


def test_head_works(client: Client) -> None:
    response = client.head(f"/embed/{sample_clip.make().pk}")
    assert (response.status_code, response.content) == (200, b"")
