"""A clip's entity tag: for revalidating a copy (304), and for not overwriting a change (412).

It has two parts, `"<version>-<plays>"`. The version moves with every change of the clip, the plays
with every play, so that a copy with an old count is never called current. A change is conditional
on the version alone: an editor's `If-Match` must not fail because somebody listened meanwhile, and
a play overwrites nothing that an editor has read.
"""

from datetime import UTC, datetime, timedelta

from django.http import HttpRequest
from django.utils.http import parse_etags

from library.models import Clip

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def clip_etag(clip: Clip) -> str:
    """The strong entity tag of a clip as it is shown."""
    return f'"{_version(clip)}-{clip.play_count:x}"'


def may_change(request: HttpRequest, clip: Clip) -> bool:
    """Whether the request's If-Match, if it has one, names this version (RFC 9110, 13.1.1).

    Weak tags never match, as the RFC has it.
    """
    condition = request.headers.get("If-Match")
    if condition is None:
        return True
    begin = f'"{_version(clip)}-'
    return any(tag == "*" or tag.startswith(begin) for tag in parse_etags(condition))


def _version(clip: Clip) -> str:
    microseconds = (clip.updated_at - _EPOCH) // timedelta(microseconds=1)
    return f"{clip.pk:x}.{microseconds:x}"
