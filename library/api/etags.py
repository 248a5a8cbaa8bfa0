"""Entity tags of responses, for revalidation (304) and conditional requests (412).

A tag is a hash of the response's bytes: a play changes `play_count` but no time of change. A clip's
tag starts with the clip's version, `"<version>-<hash>"`, and conditional changes compare only the
version. An editor's `If-Match` must not fail because a listener has played the clip since, and a
play overwrites nothing that the editor has read. A compressed body has other bytes and so another
tag, which ends in `-gzip`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.http import parse_etags
from rest_framework.request import Request

from library.api.errors import OtherVersion
from library.api.json_bodies import JSONRenderer
from library.api.negotiation import SMALLEST, accepts_gzip, compressed
from library.models import Clip
from library.streams.dates import parse_http_date
from library.telemetry import request_notes

DESCRIBED_BY = (
    "Link",
    "X-Total-Count",
    "X-Did-You-Mean",
)  # not in a 304, so the tag must cover them
VARY = "Accept, Accept-Encoding"  # other types get a 406
# What an answer may be kept by besides a clip: the library with its plays, or without them.
LIBRARY, CHANGES = "library", "changes"
COMPRESSED = ("image/png",)  # types whose bodies gzip makes no smaller
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Headers = Mapping[str, str]


class Representation(NamedTuple):
    """The bytes of a response, before they are compressed, and what its tag consists of."""

    body: bytes
    version: str
    digest: str
    weak: bool = False
    media_type: str = JSONRenderer.media_type
    gzipped: bytes | None = None  # the compressed body, if it is kept
    vary: str = VARY
    cache_control: str = "no-cache"

    def etag(self, *, coded: bool) -> str:
        if self.weak:  # for the same meaning, whatever the bytes
            return f'W/"{self.version}{self.digest}"'
        return f'"{self.version}{self.digest}{"-gzip" if coded else ""}"'


def version(clip_id: int, updated_at: datetime) -> str:
    """Return a clip's version, the first part of its tags."""
    microseconds = (updated_at - _EPOCH) // timedelta(microseconds=1)
    return f"{clip_id:x}.{microseconds:x}-"


def may_change(request: HttpRequest | Request, clip: Clip) -> bool:
    """Return whether the conditions of the request hold for the clip (RFC 9110, section 13.2.2).

    If-Match must name the clip's version; weak tags never match. Without it, If-Unmodified-Since
    must not be before the clip's last change, to the second. If-None-Match must not name the
    version, weak or not.
    """
    begin = f'"{version(clip.pk, clip.updated_at)}'
    if (condition := request.headers.get("If-Match")) is not None:
        if not any(tag == "*" or tag.startswith(begin) for tag in parse_etags(condition)):
            return False
    elif not is_unmodified(request, clip.updated_at):
        return False
    excluded = parse_etags(request.headers.get("If-None-Match", ""))
    return not any(tag == "*" or tag.removeprefix("W/").startswith(begin) for tag in excluded)


def is_unmodified(request: HttpRequest | Request, updated_at: datetime) -> bool:
    """Return whether If-Unmodified-Since is absent, invalid, or not before the change."""
    since = parse_http_date(request.headers.get("If-Unmodified-Since", ""))
    return since is None or int(updated_at.timestamp()) <= since


def represented(data: Any, version: str = "", headers: Headers | None = None) -> Representation:
    """Return the data as JSON with a strong tag, which covers the headers in DESCRIBED_BY."""
    body = JSONRenderer().render(data)
    return Representation(body, version, digest_of(body, headers))


def digest_of(body: bytes, headers: Headers | None = None) -> str:
    """Return the hash of the body and of the headers in DESCRIBED_BY."""
    digest = blake2b(body, digest_size=16)
    for name in DESCRIBED_BY:
        digest.update(f"\n{name}: {(headers or {}).get(name, '')}".encode())
    return digest.hexdigest()


def tagged(
    request: Request, shown: Representation, status: int = 200, headers: Headers | None = None
) -> HttpResponse:
    """Return the response with its tag, compressed if that helps and the client accepts it."""
    body, coded = shown.body, _is_coded(request, shown)
    if coded:
        body = shown.gzipped or compressed(body)
    response = HttpResponse(body, shown.media_type, status, headers=headers)
    response["ETag"] = shown.etag(coded=coded)
    if shown.vary:
        response["Vary"] = shown.vary
    if coded:
        response["Content-Encoding"] = "gzip"
    return response


def revalidated(
    request: Request, shown: Representation, headers: Headers | None = None
) -> HttpResponse:
    """Return the response with a tag for revalidation, or a 304 in its place.

    Raises OtherVersion if If-Match names another tag. Dates are ignored, since the response has
    none (RFC 9110, sections 13.1.3 and 13.1.4).
    """
    etag = shown.etag(coded=_is_coded(request, shown))
    if (condition := request.headers.get("If-Match")) is not None:
        tags = parse_etags(condition)
        if tags != ["*"] and (shown.weak or etag not in tags):
            raise OtherVersion
    if (condition := request.headers.get("If-None-Match")) is not None:
        tags = parse_etags(condition)
        if tags == ["*"] or etag.removeprefix("W/") in (tag.removeprefix("W/") for tag in tags):
            own = {"ETag": etag, "Cache-Control": shown.cache_control, "Vary": shown.vary}
            return HttpResponseNotModified(headers={name: own[name] for name in own if own[name]})
    response = tagged(request, shown, headers=headers)
    response["Cache-Control"] = shown.cache_control
    return response


def may_be_kept(request: Request, by: Any) -> None:
    """Note that the server may keep this answer until what it shows has changed.

    It shows the library, with or without plays, or only one clip. The answer to an editor also says
    that a token is valid.
    """
    if request.user is None:
        request_notes.noted(request.META)["kept_by"] = by


def _is_coded(request: Request, shown: Representation) -> bool:
    if shown.media_type in COMPRESSED:
        return False
    accepted = request.META.get("HTTP_ACCEPT_ENCODING")
    return len(shown.body) >= SMALLEST and accepts_gzip(accepted)
