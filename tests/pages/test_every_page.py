"""Rules for every public page, followed from link to link with Django's test client."""

from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from urllib.parse import unquote_plus, urldefrag, urljoin, urlsplit

import pytest
from django.test import Client

from library.models import Clip
from tests.support.analyses import analysed

BASE = "http://testserver"
# Not pages, or not for the public.
OTHERS = ("/admin/", "/api/", "/static/")
# A script writes these, with their headings.
SCRIPTED = ("/docs", "/redoc")
LOADED = (
    "stylesheet",
    "icon",
    "preload",
    "modulepreload",
    "manifest",
)  # links that browsers follow
MOST = 60  # pages that are followed: chosen filters lead to many more


class Facts(HTMLParser):
    """What the rules ask of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.faults: list[str] = []
        self.canonical: list[str] = []
        self.ids: list[str] = []
        self.lang = self.title = ""
        self.headings = 0
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self._inside = tag
        self.ids += [found["id"]] if "id" in found else []
        if tag == "html":
            self.lang = found.get("lang", "")
        self.headings += tag == "h1"
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        self.loaded += [found[name] for name in ("src", "action", "poster") if name in found]
        if tag == "link":
            if found.get("rel") == "canonical":
                self.canonical.append(found["href"])
            elif found.get("rel") in LOADED:
                self.loaded.append(found["href"])
        inline = tag == "script" and "src" not in found
        if inline and found.get("type") not in ("application/ld+json", "application/json"):
            self.faults.append("an inline script")
        if tag == "style" or any(name == "style" or name.startswith("on") for name in found):
            self.faults.append(f"an inline style or handler: {self.get_starttag_text()}")
        if tag == "img" and "alt" not in found:
            self.faults.append(f"no alt: {self.get_starttag_text()}")
        if tag == "audio" and "controls" in found and not found.get("aria-label"):
            self.faults.append(f"no label: {self.get_starttag_text()}")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.title += data


def pages(client: Client) -> Iterator[tuple[str, Facts]]:
    """Yield the HTML pages that links from `/` lead to, each once."""
    waiting, seen = ["/"], {"/"}
    while waiting:
        path = waiting.pop(0)
        response = client.get(path)
        assert response.status_code == 200, path
        if not response["Content-Type"].startswith("text/html"):
            continue
        facts = Facts(response.text)
        yield path, facts
        for link in facts.links:
            url = urldefrag(urljoin(BASE + path, link)).url
            target = url.removeprefix(BASE)
            is_page = url.startswith(BASE) and not target.startswith(OTHERS)
            decoded = unquote_plus(target)  # a space has two spellings
            if is_page and decoded not in seen and len(seen) < MOST:
                seen.add(decoded)
                waiting.append(target)


@pytest.fixture
def crawled(client: Client, make_clip: Callable[..., Clip]) -> dict[str, Facts]:
    first = make_clip(creator="Ann & <Bob>", licence="CC-BY-4.0", tags=["a b"], description="One.")
    analysed(first)
    make_clip(title='Without "anything"', creator_url="https://example.com/")
    return dict(pages(client))


def test_every_page_obeys_the_rules(crawled: dict[str, Facts]) -> None:
    assert {"/", "/docs", *(f"/clips/{clip.pk}" for clip in Clip.objects.all())} <= set(crawled)
    for path, page in crawled.items():
        assert page.faults == [], path
        assert page.lang == "en", path
        assert page.title.strip(), path
        assert page.headings == 1 or path in SCRIPTED, path
        assert len(page.ids) == len(set(page.ids)), path
        for url in page.loaded:
            assert urlsplit(urljoin(BASE, url)).netloc == "testserver", (path, url)
        for url in page.canonical:
            assert url.startswith(f"{BASE}/"), path


def test_titles_tell_pages_apart(crawled: dict[str, Facts]) -> None:
    by_title: dict[str, list[str]] = {}
    for path, page in crawled.items():
        by_title.setdefault(page.title, []).append(path)
    assert {tuple(paths) for paths in by_title.values() if len(paths) > 1} <= {SCRIPTED}
