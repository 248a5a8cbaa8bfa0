"""Sitemaps, robots.txt, llms.txt and the icon: for crawlers and other programs."""

import re
from collections.abc import Callable
from typing import Any
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree as ET

import pytest
import requests
from django.db import connection, transaction
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from library.models import Clip, State
from library.pages import sitemaps

Http = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]
NAMESPACE = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
BASE = "http://testserver"


def locations(response: Any) -> list[str]:
    root = ET.fromstring(response.content)
    return [loc.text or "" for loc in root.iter(f"{NAMESPACE}loc")]


def test_index_leads_to_every_available_clip_and_to_no_other(
    client: Client, make_clip: MakeClip
) -> None:
    first, second, third = (make_clip(pk=pk) for pk in (1, 10_000, 50_001))
    make_clip(pk=2, state=State.DRAFT)
    make_clip(pk=30_000, state=State.WITHDRAWN, withdrawn_reason="Asked to.")
    make_clip(pk=3)
    Clip.objects.filter(pk=3).mark_deleted()
    response = client.get("/sitemap.xml")
    assert response["Content-Type"] == "application/xml"
    assert ET.fromstring(response.content).tag == f"{NAMESPACE}sitemapindex"
    maps = locations(response)
    assert maps == [f"{BASE}/sitemap-{name}.xml" for name in ("pages", 1, 6)]
    found = [url for path in maps[1:] for url in locations(client.get(path))]
    assert found == [f"{BASE}/clips/{clip.pk}" for clip in (first, second, third)]
    entry = ET.fromstring(client.get("/sitemap-1.xml").content)[0]
    changed = entry.findtext(f"{NAMESPACE}lastmod")
    assert changed == first.updated_at.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_pages_of_the_sitemap_exist(client: Client, db: None) -> None:
    for url in locations(client.get("/sitemap-pages.xml")):
        assert client.get(url).status_code == 200


@pytest.mark.parametrize("name", ["0", "01", "2", "99999999999999", "999999999999999", "x", "-1"])
def test_sitemap_of_no_clips_is_404(client: Client, make_clip: MakeClip, name: str) -> None:
    make_clip(pk=1)
    assert client.get(f"/sitemap-{name}.xml").status_code == 404


def test_empty_library_has_a_valid_index(client: Client, db: None) -> None:
    assert locations(client.get("/sitemap.xml")) == [f"{BASE}/sitemap-pages.xml"]


def test_each_sitemap_reads_one_range_of_the_primary_key(
    client: Client, clip: Clip, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        client.get("/sitemap.xml")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {sitemaps._CLIPS}", [BASE, 0, 10_000])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert re.search(r"Index Cond: \(\(id > 0\) AND \(id <= 10000\)\)", plan)


@pytest.mark.parametrize("path", ["/sitemap.xml", "/sitemap-1.xml", "/robots.txt", "/llms.txt"])
def test_texts_revalidate_and_have_no_cookies(
    client: Client, make_clip: MakeClip, path: str
) -> None:
    make_clip(pk=1)
    response = client.get(path)
    assert response.status_code == 200
    assert "Set-Cookie" not in response
    tag = {"If-None-Match": response["ETag"]}
    assert client.get(path, headers=tag).status_code == 304
    assert client.post(path).status_code == 405


def test_long_sitemap_is_compressed(client: Client, make_clip: MakeClip) -> None:
    for pk in range(1, 30):
        make_clip(pk=pk)
    response = client.get("/sitemap-1.xml", headers={"Accept-Encoding": "gzip"})
    assert response["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in response["Vary"]


def rules(text: str) -> Callable[[str], bool]:
    """Return whether a crawler that follows RFC 9309 may fetch a path: the longest rule decides."""
    patterns = [
        (len(path), verb == "Allow", re.escape(path).replace(r"\*", ".*").replace(r"\$", "$"))
        for verb, path in re.findall(r"^(Allow|Disallow): (\S+)$", text, re.MULTILINE)
    ]

    def may_fetch(path: str) -> bool:
        found = [(length, allows) for length, allows, rule in patterns if re.match(rule, path)]
        return max(found)[1] if found else True

    return may_fetch


def test_robots_may_read_pages_and_play_nothing(client: Client, db: None) -> None:
    response = client.get("/robots.txt")
    assert response["Content-Type"].startswith("text/plain")
    may_fetch = rules(response.text)
    for path in (
        *("/", "/?page=2", "/?genre=jazz&page=2", "/clips/5", "/embed/5", "/docs", "/docs/plays"),
        *("/feed.xml", "/feed.json", "/sitemap-1.xml", "/llms.txt", "/static/library/icon.svg"),
        *("/openapi.json", "/api/v1", "/api/v1/clips/5/waveform.png?width=1200", "/oembed?url=x"),
    ):
        assert may_fetch(path), path
    for path in (
        *("/admin/", "/admin/login/", "/api/v1/clips", "/api/v1/clips/5/stream", "/clips/5/report"),
        *(
            "/?q=jazz",
            "/?genre=jazz&q=x",
            "/?genre=jazz&genre=rock",
            "/?tag=rain&tag=night",
            "/?genre=jazz&licence=CC-BY",
            "/?tag=rain&creator=Ann",
            "/api/v1/clips/5/stream?download=1",
            "/api/v1/changes?cursor=1",
        ),
    ):
        assert not may_fetch(path), path
    parser = RobotFileParser()
    parser.parse(response.text.splitlines())
    assert parser.site_maps() == [f"{BASE}/sitemap.xml"]


def test_llms_txt_has_the_prescribed_form_and_true_links(client: Client, clip: Clip) -> None:
    text = client.get("/llms.txt").text
    title, quote = [line for line in text.splitlines() if line][:2]
    assert title.startswith("# ")
    assert quote.startswith("> ")
    links = re.findall(r"^- \[[^\]]+\]\((\S+)\): \S", text, re.MULTILINE)
    assert len(links) == text.count("](")
    may_fetch = rules(client.get("/robots.txt").text)
    for url in links:
        assert may_fetch(url.removeprefix(BASE)), url
        assert url.startswith(f"{BASE}/")
        assert client.get(url).status_code == 200, url


def test_icon_is_found_where_browsers_look_for_it(http: Http) -> None:
    response = http("GET", "/favicon.ico")
    assert response.status_code == 302
    icon = http("GET", response.headers["Location"])
    assert icon.content.startswith(b"\0\0\1\0")
    assert "immutable" in icon.headers["Cache-Control"]
