"""The formats of the list in the description, each with an example."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiResponse,
    extend_schema_serializer,
)
from rest_framework import serializers

from library.api.list_formats import jsonfeed
from library.api.list_formats.formats import FORMATS
from library.api.openapi.examples import CLIP
from library.api.serializers import ClipSerializer

_CLIP_URL = f"https://clips.example.com/api/v1/clips/{CLIP['id']}"
_LINK = f"https://clips.example.com/clips/{CLIP['id']}"
_STREAM, _PAGE = f"{_CLIP_URL}/stream", "https://clips.example.com/api/v1/clips?format="
_M3U = f"#EXTM3U\n#PLAYLIST:Clips\n#EXTINF:31,{CLIP['creator']} - {CLIP['title']}\n{_STREAM}\n"
_RSS = f"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0">
<channel>
<title>Clips</title>
<link>https://clips.example.com/</link>
<description>Short audio clips.</description>
<item>
<title>{CLIP["title"]}</title>
<link>{_LINK}</link>
<guid isPermaLink="false">{_CLIP_URL}</guid>
<enclosure url="{_STREAM}" length="480000" type="audio/mpeg"/>
</item>
</channel>
</rss>
"""
_CSV = f"id,title\r\n{CLIP['id']},{CLIP['title']}\r\n"
_FEED = {
    "version": jsonfeed.VERSION,
    "title": "Clips",
    "home_page_url": "https://clips.example.com/",
    "feed_url": f"{_PAGE}jsonfeed",
    "items": [
        {
            "id": _CLIP_URL,
            "url": _LINK,
            "title": CLIP["title"],
            "content_text": CLIP["description"],
            "date_published": CLIP["created_at"],
            "date_modified": CLIP["updated_at"],
            "tags": [CLIP["genre"], "synth", "night drive"],
            "attachments": [
                {
                    "url": _STREAM,
                    "mime_type": "audio/mpeg",
                    "title": CLIP["title"],
                    "size_in_bytes": 480000,
                    "duration_in_seconds": CLIP["duration"],
                }
            ],
        }
    ],
}


@extend_schema_serializer(many=False)  # unlike other responses of a list
class JSONFeed(serializers.Serializer[dict[str, Any]]):
    """A feed in JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/).

    An unknown value is left out, such as the size of audio that has not been checked.
    """

    version = serializers.CharField()
    title = serializers.CharField()
    home_page_url = serializers.CharField()
    feed_url = serializers.CharField()
    items = serializers.ListField(child=serializers.DictField())


EXAMPLES = [
    OpenApiExample(name, value, media_type=kind, response_only=True, status_codes=["200"])
    for name, value, kinds in (
        ("A page", CLIP, ("application/json",)),
        ("A playlist", _M3U, FORMATS["m3u"].media_types),
        ("A feed in RSS", _RSS, FORMATS["rss"].media_types),
        ("A feed in JSON", _FEED, FORMATS["jsonfeed"].media_types),
        ("A table", _CSV, FORMATS["csv"].media_types),
    )
    for kind in kinds
]
_TEXTS = {
    "m3u": "A playlist in extended M3U and UTF-8.",
    "rss": "A feed in RSS 2.0. The `length` of an enclosure is 0 while the size is unknown.",
    "csv": "A table with the fields of clips as columns.",
}


def list_responses(errors: dict[Any, Any]) -> dict[Any, Any]:
    """Return the responses with a page of the list in each format, and those of errors in JSON."""
    return {
        (200, "application/json"): OpenApiResponse(ClipSerializer(many=True), "The clips."),
        **{
            (200, kind): OpenApiResponse(OpenApiTypes.STR, text)
            for name, text in _TEXTS.items()
            for kind in FORMATS[name].media_types
        },
        (200, jsonfeed.MEDIA_TYPE): OpenApiResponse(JSONFeed, "A feed in JSON Feed 1.1."),
        304: OpenApiResponse(None, "Your copy is current."),
        **{(status, "application/json"): error for status, error in errors.items()},
    }
