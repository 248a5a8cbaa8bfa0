"""Sitemaps (https://www.sitemaps.org/protocol.html): an index, one of the pages, those of clips.

Each sitemap has the clips whose ids are in one range, so that none depends on the number of clips
before it. The sitemaps of Django would count and skip them.
"""

from collections.abc import Iterable

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from library.models.clip import AVAILABLE
from library.models.rows import read

SIZE = 10_000  # ids in the range of a sitemap. The protocol allows 50,000 URLs
PAGES = ("listing", "docs", "counting-rule", "redoc")
_NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
# Goes from one range with available clips to the next.
_NUMBERS = f"""
WITH RECURSIVE range AS (
    (SELECT (id - 1) / {SIZE} AS n FROM library_clip WHERE {AVAILABLE} ORDER BY id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT (id - 1) / {SIZE} FROM library_clip
        WHERE {AVAILABLE} AND id > (range.n + 1) * {SIZE} ORDER BY id LIMIT 1
    )
    FROM range WHERE range.n IS NOT NULL
)
SELECT n + 1 AS number FROM range WHERE n IS NOT NULL
"""  # noqa: S608 - composed of constants
# PostgreSQL writes the entries: in Python, streams would wait for them.
_CLIPS = f"""
SELECT string_agg(
    '<url><loc>' || %s || id || '</loc><lastmod>'
    || to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || '</lastmod></url>',
    E'\\n' ORDER BY id
) AS entries
FROM library_clip WHERE {AVAILABLE} AND id > %s AND id <= %s
"""  # noqa: S608


def index(request: HttpRequest) -> HttpResponse:
    """GET /sitemap.xml: the URLs of the other sitemaps."""
    paths = [reverse("sitemap-pages")]
    paths += [reverse("sitemap-clips", args=[row["number"]]) for row in read(_NUMBERS)]
    urls = (request.build_absolute_uri(path) for path in paths)
    return _response("sitemapindex", (f"<sitemap><loc>{url}</loc></sitemap>" for url in urls))


def pages(request: HttpRequest) -> HttpResponse:
    """GET /sitemap-pages.xml: the pages that every library has."""
    urls = (request.build_absolute_uri(reverse(name)) for name in PAGES)
    return _response("urlset", (f"<url><loc>{url}</loc></url>" for url in urls))


def clips(request: HttpRequest, number: str) -> HttpResponse:
    """GET /sitemap-{number}.xml: the pages of the available clips in a range, from 1."""
    end = int(number) * SIZE
    page = request.build_absolute_uri(reverse("clip-page", args=[1])).removesuffix("1")
    entries = read(_CLIPS, [page, end - SIZE, end])[0]["entries"]
    if entries is None:
        raise Http404
    return _response("urlset", (entries,))


def _response(root: str, entries: Iterable[str]) -> HttpResponse:
    """Return the XML. URLs of this service have no characters that need an escape."""
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    lines = (head, f"<{root} {_NAMESPACE}>", *entries, f"</{root}>", "")
    return HttpResponse("\n".join(lines), "application/xml")
