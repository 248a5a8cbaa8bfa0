"""Entity tags of JSON responses, for revalidation (304) and conditional changes (412).

A tag is a hash of the response's bytes: a play changes `play_count` but no time of change. A clip's
tag starts with the clip's version, `"<version>-<hash>"`, and conditional changes compare only the
version. An editor's `If-Match` must not fail because a listener has played the clip since, and a
play overwrites nothing that the editor has read.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import parse_etags
from rest_framework.request import Request

from library.api.json_bodies import JSONRenderer
from library.models import Clip

DESCRIBED_BY = ("Link", "X-Total-Count")  # not in a 304, so the tag must cover them
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def version(clip_id: int, updated_at: datetime) -> str:
    """Return a clip's version, the first part of its tags."""
    microseconds = (updated_at - _EPOCH) // timedelta(microseconds=1)
    return f"{clip_id:x}.{microseconds:x}-"


def if_match_holds(request: HttpRequest, clip: Clip) -> bool:
    """Return whether If-Match is absent or names the clip's version (RFC 9110, section 13.1.1).

    As the RFC says, weak tags never match.
    """
    condition = request.headers.get("If-Match")
    if condition is None:
        return True
    begin = f'"{version(clip.pk, clip.updated_at)}'
    return any(tag == "*" or tag.startswith(begin) for tag in parse_etags(condition))


def tagged(data: Any, version: str = "", headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return the data as JSON with a strong tag, which covers the headers in DESCRIBED_BY."""
    body = JSONRenderer().render(data)
    response = HttpResponse(body, JSONRenderer.media_type, headers=headers)
    digest = blake2b(body, digest_size=16)
    for name in DESCRIBED_BY:
        digest.update(f"\n{name}: {response.get(name, '')}".encode())
    response["ETag"] = f'"{version}{digest.hexdigest()}"'
    return response


def revalidated(
    request: Request, data: Any, version: str = "", headers: Mapping[str, str] | None = None
) -> HttpResponseBase:
    """Return the data as JSON with a tag for revalidation, or a 304 in its place."""
    response = tagged(data, version, headers)
    response["Cache-Control"] = "no-cache"
    response["Vary"] = "Accept"  # other types get a 406
    found = get_conditional_response(
        cast("HttpRequest", request), etag=response["ETag"], response=response
    )
    return cast("HttpResponseBase", found)
