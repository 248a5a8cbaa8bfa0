"""Entity tags of JSON: for keeping a copy (304), and for not overwriting a change (412).

A tag is made of the answer's bytes, since a play moves `play_count` and nothing else: no time of
change could stand for them. A clip's has its version before that, `"<version>-<bytes>"`. A change
is conditional on the version alone: an editor's `If-Match` must not fail because somebody listened
meanwhile, and a play overwrites nothing that an editor has read.
"""

from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import blake2b
from typing import cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import parse_etags
from rest_framework.request import Request
from rest_framework.response import Response

from library.models import Clip

DESCRIBED_BY = ("Link", "X-Total-Count")  # a 304 leaves them out, so the tag must cover them
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def version(clip_id: int, updated_at: datetime) -> str:
    """A clip's version."""
    microseconds = (updated_at - _EPOCH) // timedelta(microseconds=1)
    return f"{clip_id:x}.{microseconds:x}-"


def may_change(request: HttpRequest, clip: Clip) -> bool:
    """Whether the request's If-Match, if it has one, names this version (RFC 9110, 13.1.1).

    Weak tags never match, as the RFC has it.
    """
    condition = request.headers.get("If-Match")
    if condition is None:
        return True
    begin = f'"{version(clip.pk, clip.updated_at)}'
    return any(tag == "*" or tag.startswith(begin) for tag in parse_etags(condition))


def tagged(response: Response, version: str) -> Response:
    """The response with the tag that a GET of the clip would have."""
    response.add_post_render_callback(partial(_tag, version))
    return response


def revalidated(request: Request, response: Response, version: str = "") -> Response:
    """The response with a strong tag, to be kept but asked for each time; or a 304 instead."""
    response["Cache-Control"] = "no-cache"
    patch_vary_headers(response, ["Accept"])  # other types than JSON get a 406
    tagged(response, version)
    response.add_post_render_callback(partial(_revalidate, cast("HttpRequest", request)))
    return response


def _tag(version: str, response: Response) -> None:
    digest = blake2b(response.content, digest_size=16)
    for name in DESCRIBED_BY:
        digest.update(f"\n{name}: {response.get(name, '')}".encode())
    response["ETag"] = f'"{version}{digest.hexdigest()}"'


def _revalidate(request: HttpRequest, response: Response) -> HttpResponseBase | None:
    return get_conditional_response(request, etag=response["ETag"], response=response)
