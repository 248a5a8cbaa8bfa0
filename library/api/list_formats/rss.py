"""Feeds in RSS 2.0, with the audio as enclosures: for podcast apps and feed readers.

Sources: https://www.rssboard.org/rss-specification, https://www.rssboard.org/rss-profile,
https://help.apple.com/itc/podcasts_connect/#/itcb54353390, and RFC 5005 for the next page. By the
profile, the length of an enclosure is 0 if it is unknown, the text of a title is no HTML, and that
of a description is.
"""

import html
import re
from collections.abc import Iterator
from datetime import UTC
from email.utils import format_datetime

from library.api.list_formats.pages import DESCRIPTION, LANGUAGE, NAME, Page
from library.api.list_formats.playable import Playable, playables
from library.models.rows import Row

MEDIA_TYPE = "application/rss+xml"
_NAMESPACES = (
    'xmlns:atom="http://www.w3.org/2005/Atom" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
)
# Everything but Char of XML 1.0, section 2.2.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The profile prefers these to names, which some readers decode twice.
_ESCAPES = str.maketrans({"&": "&#x26;", "<": "&#x3C;", ">": "&#x3E;", '"': "&#x22;"})


def render(page: Page) -> bytes:
    """Return the feed."""
    return "\n".join(_lines(page)).encode()


def _lines(page: Page) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<rss version="2.0" {_NAMESPACES}>'
    yield "<channel>"
    yield _element("title", page.title)
    yield _element("link", page.home_url)
    yield _element("description", DESCRIPTION)
    yield _element("language", LANGUAGE)
    yield _atom_link("self", page.url)
    if page.next_url:
        yield _atom_link("next", page.next_url)
    yield _element("itunes:author", NAME)
    yield f'<itunes:image href="{_escaped(page.image_url)}"/>'
    yield '<itunes:category text="Music"/>'
    yield _element("itunes:explicit", "false")
    for row, audio in zip(page.rows, playables(page.rows), strict=True):
        yield from _item(page, row, audio)
    yield "</channel>"
    yield "</rss>\n"


def _item(page: Page, row: Row, audio: Playable) -> Iterator[str]:
    yield "<item>"
    yield _element("title", row["title"])
    yield _element("link", page.link(row))
    yield f'<guid isPermaLink="false">{_escaped(page.clip_url(row))}</guid>'
    yield _element("pubDate", format_datetime(row["created_at"].astimezone(UTC), usegmt=True))
    if row["creator"]:
        yield _element("dc:creator", row["creator"])
        yield _element("itunes:author", row["creator"])
    for category in dict.fromkeys((row["genre"], *row["tags"])):
        yield _element("category", category)
    if row["description"]:
        yield _element("description", _as_html(row["description"]))
    url = _escaped(page.stream_url(row))
    yield f'<enclosure url="{url}" length="{audio.size or 0}" type="{audio.content_type}"/>'
    if audio.duration is not None:
        yield _element("itunes:duration", str(max(1, int(audio.duration + 0.5))))
    yield "</item>"


def _element(name: str, text: str) -> str:
    return f"<{name}>{_escaped(text)}</{name}>"


def _atom_link(relation: str, url: str) -> str:
    return f'<atom:link rel="{relation}" type="{MEDIA_TYPE}" href="{_escaped(url)}"/>'


def _escaped(text: str) -> str:
    return _NOT_XML.sub("", text).translate(_ESCAPES)


def _as_html(text: str) -> str:
    """Return plain text as HTML that shows it, with its line breaks."""
    return "<br>\n".join(html.escape(text, quote=False).splitlines())
