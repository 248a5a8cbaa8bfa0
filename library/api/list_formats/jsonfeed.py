"""Feeds in JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/)."""

from typing import Any

from library.api.json_bodies import JSONRenderer
from library.api.list_formats.pages import DESCRIPTION, LANGUAGE, Page
from library.api.list_formats.playable import Playable, playables
from library.models.rows import Row

MEDIA_TYPE = "application/feed+json"
VERSION = "https://jsonfeed.org/version/1.1"


def render(page: Page) -> bytes:
    """Return the feed."""
    feed = {
        "version": VERSION,
        "title": page.title,
        "home_page_url": page.home_url,
        "feed_url": page.url,
        "next_url": page.next_url,
        "description": DESCRIPTION,
        "icon": page.image_url,
        "language": LANGUAGE,
        "items": [
            _item(page, row, audio)
            for row, audio in zip(page.rows, playables(page.rows), strict=True)
        ],
    }
    return JSONRenderer().render(_without_none(feed))


def _item(page: Page, row: Row, audio: Playable) -> dict[str, Any]:
    attachment = {
        "url": page.stream_url(row),
        "mime_type": audio.content_type,
        "title": row["title"],
        "size_in_bytes": audio.size,
        "duration_in_seconds": audio.duration,
    }
    item = {
        "id": page.clip_url(row),
        "url": page.link(row),
        "title": row["title"],
        "content_text": row["description"] or row["title"],  # the format requires a content
        "date_published": row["created_at"],
        "date_modified": row["updated_at"],
        "authors": _authors(row),
        "tags": list(dict.fromkeys((row["genre"], *row["tags"]))),
        "attachments": [_without_none(attachment)],
    }
    return _without_none(item)


def _authors(row: Row) -> list[dict[str, Any]] | None:
    author = _without_none({"name": row["creator"], "url": row["creator_url"]})
    return [author] if author else None


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values without unknown ones: the format has no null."""
    return {name: value for name, value in values.items() if value is not None}
