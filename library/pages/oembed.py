"""GET /oembed: how other sites embed a clip, by the address of its page.

Source: https://oembed.com, version 1.0. A clip is of the type `rich`.
"""

import re
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit
from xml.etree import ElementTree

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.views.generic import View
from rest_framework import exceptions
from rest_framework.exceptions import APIException

from library.api.errors import ClipNotFound
from library.api.handlers import error_response
from library.api.json_bodies import JSONRenderer
from library.models import Clip
from library.pages.links import EMBED_HEIGHT, EMBED_WIDTH, Links, snippet
from library.pages.visible import GONE, visible_clip
from library.text import without_hidden

CACHE_AGE = 3600  # seconds
THUMBNAIL = (480, 252)  # pixels
LEAST_IMAGE = (50, 16)  # pixels, of the images of waveforms
TYPES = {"json": "application/json", "xml": "text/xml; charset=utf-8"}
DEFAULT_PORTS = {"http": 80, "https": 443}
_PATH = re.compile(r"/(?:clips|embed)/([0-9]{1,18})/?", re.ASCII)
_SIZE = re.compile(r"[0-9]{1,9}", re.ASCII)


class InvalidParameter(exceptions.ValidationError):
    """A parameter is missing or invalid."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__({name: [sentence]})


class UnknownFormat(APIException):
    """The specification has this status for a format that is not offered."""

    status_code = 501
    default_code = "unknown_format"
    default_detail = "The formats are json and xml."


class _Query(NamedTuple):
    url: str
    kind: str
    width: int
    height: int
    thumbnail: tuple[int, int]


class OEmbed(View):
    """GET /oembed?url=&maxwidth=&maxheight=&format=."""

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            query = _read(request)
            clip = _clip_at(request, query.url)
        except APIException as error:
            response = error_response(error)
        else:
            found = _described(request, clip, query)
            body = JSONRenderer().render(found) if query.kind == "json" else _xml(found)
            response = HttpResponse(body, TYPES[query.kind])
            response["Cache-Control"] = f"max-age={CACHE_AGE}"
        response["Access-Control-Allow-Origin"] = "*"
        return response


def _read(request: HttpRequest) -> _Query:
    """Return the parameters. Raises InvalidParameter or UnknownFormat."""
    kind = request.GET.get("format", "").strip() or "json"
    if kind not in TYPES:
        raise UnknownFormat
    url = request.GET.get("url", "").strip()
    if not url:
        raise InvalidParameter(
            "url", "Give the URL of a clip's page, such as url=https://…/clips/7."
        )
    width, height = _limit(request, "maxwidth"), _limit(request, "maxheight")
    return _Query(
        url,
        kind,
        min(EMBED_WIDTH, width),
        min(EMBED_HEIGHT, height),
        (min(THUMBNAIL[0], width), min(THUMBNAIL[1], height)),
    )


def _limit(request: HttpRequest, name: str) -> int:
    text = request.GET.get(name, "").strip()
    if not text:
        return 10**9
    if not _SIZE.fullmatch(text) or int(text) == 0:
        raise InvalidParameter(name, "Must be a whole number of pixels, above 0.")
    return int(text)


def _clip_at(request: HttpRequest, address: str) -> Clip:
    """Return the clip whose page or player has this URL. Raises ClipNotFound."""
    try:
        url = urlsplit(address)
        found = _PATH.fullmatch(url.path) if _is_ours(request, url) else None
        if found:
            return visible_clip(found[1])
    except (Http404, ValueError, *GONE):
        pass
    raise ClipNotFound("There is no clip at this URL.")


def _is_ours(request: HttpRequest, url: SplitResult) -> bool:
    """Return whether clients reach this service at a URL. Raises ValueError if it is malformed.

    These are the host of the request, and those that the operator has listed by name.
    """
    default = DEFAULT_PORTS.get(url.scheme)
    if default is None or not url.hostname:
        return False
    domain, port = split_domain_port(request.get_host())
    same_port = int(port or DEFAULT_PORTS[request.scheme or "http"]) == (url.port or default)
    if f"[{url.hostname}]" == domain or url.hostname == domain:
        return same_port or (not port and url.port is None)
    listed = [host for host in settings.ALLOWED_HOSTS if host != "*"]
    host, _ = split_domain_port(url.netloc.rpartition("@")[2].lower())
    return validate_host(host, listed) and (same_port or url.port in (None, default))


def _described(request: HttpRequest, clip: Clip, query: _Query) -> dict[str, Any]:
    links = Links.of(request, clip)
    found: dict[str, Any] = {
        "version": "1.0",
        "type": "rich",
        "title": clip.title,
        "provider_name": links.site_name,
        "provider_url": links.site,
        "cache_age": CACHE_AGE,
        "width": query.width,
        "height": query.height,
        "html": str(snippet(links, clip, query.width, query.height)),
    }
    if clip.creator:
        found["author_name"] = clip.creator
    if clip.creator_url:
        found["author_url"] = clip.creator_url
    width, height = query.thumbnail
    if links.waveform and width >= LEAST_IMAGE[0] and height >= LEAST_IMAGE[1]:
        found["thumbnail_url"] = links.image(width, height)
        found["thumbnail_width"], found["thumbnail_height"] = width, height
    return found


def _xml(found: dict[str, Any]) -> bytes:
    root = ElementTree.Element("oembed")
    for name, value in found.items():
        ElementTree.SubElement(root, name).text = without_hidden(str(value))
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n{text}\n'.encode()
