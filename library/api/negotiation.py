"""Content negotiation (RFC 9110, section 12.5): the media type and the coding of a response."""

import gzip
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.request import Request

SMALLEST = 1_400  # bytes of a body that is compressed: less fits into one packet anyway
LEVEL = 6
LONGEST_KEPT = 1_000  # characters of a field whose meaning is kept in memory
_ITEM = re.compile(r"([^;,\s]+)\s*((?:;[^,]*)?)")
_QUALITY = re.compile(r";\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.IGNORECASE)


class Negotiation(DefaultContentNegotiation):
    """Chooses the renderer with the highest quality. DRF's choice ignores `q`, even `q=0`."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        """Return the renderer and its media type, or raise NotAcceptable."""
        header = request.META.get("HTTP_ACCEPT", "").strip()
        if not header or header == "*/*":
            return renderers[0], renderers[0].media_type
        chosen = best(header, tuple(renderer.media_type for renderer in renderers))
        if chosen is None:
            raise NotAcceptable
        return renderers[chosen], renderers[chosen].media_type

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """Return the parser of the body's media type, or None. DRF would take `*/*` for one."""
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)


class AnyAccept(BaseContentNegotiation):
    """Ignores Accept: players send many values, and the audio's type is not negotiable."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type  # JSON, for errors


def best(accept: str, kinds: Sequence[str]) -> int | None:
    """Return the place of the media type that `accept` prefers, or None if it excludes all.

    Of equal qualities, the more specific one wins: `text/csv, */*` means CSV. Then the first wins.
    """
    return (_best if len(accept) <= LONGEST_KEPT else _best.__wrapped__)(accept, kinds)


@lru_cache(maxsize=256)
def _best(accept: str, kinds: Sequence[str]) -> int | None:
    ranges = _qualities(accept)
    found: list[tuple[float, int, int]] = []
    for place, kind in enumerate(kinds):
        main = f"{kind.partition('/')[0]}/*"
        for specificity, name in enumerate((kind, main, "*/*")):
            if name in ranges:
                if ranges[name] > 0:
                    found.append((-ranges[name], specificity, place))
                break  # a more specific range takes precedence
    return min(found)[2] if found else None


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Return whether the client accepts gzip, and does not prefer the body as it is."""
    if accept_encoding is None:
        return False
    is_short = len(accept_encoding) <= LONGEST_KEPT
    return (_accepts_gzip if is_short else _accepts_gzip.__wrapped__)(accept_encoding)


@lru_cache(maxsize=256)
def _accepts_gzip(accept_encoding: str) -> bool:
    codings = _qualities(accept_encoding)
    quality = codings.get("gzip", codings.get("x-gzip", codings.get("*", 0)))
    return quality > 0 and quality >= codings.get("identity", 0)


def compressed(body: bytes) -> bytes:
    """Return the body in gzip; the same bytes for the same body."""
    return gzip.compress(body, LEVEL, mtime=0)


def _qualities(header: str) -> dict[str, float]:
    """Return the quality of each item of a header field, by its name in lower case.

    Other parameters than `q` are ignored. An invalid quality counts as 1. Of several equal items,
    the highest quality counts.
    """
    found: dict[str, float] = {}
    for name, parameters in _ITEM.findall(header[:4096]):
        match = _QUALITY.search(parameters)
        quality = float(match[1]) if match else 1.0
        found[name.lower()] = max(quality, found.get(name.lower(), 0.0))
    return found
