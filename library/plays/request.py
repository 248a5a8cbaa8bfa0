"""Decide which requests are plays, by the rule at /docs/plays, and describe such a play."""

import re
from urllib.parse import urlsplit

from django.http import HttpRequest

from library.audio.byte_range import ByteRange
from library.models import HOST_LENGTH, Client, Kind
from library.plays.client_families import client_family
from library.plays.listener import listener_hashes
from library.plays.record import Play

PROBE_LENGTH = 2  # bytes: Safari requests `bytes=0-1` to find out whether ranges work
HOST = re.compile(r"[a-z0-9_.:-]+")


def kind_of_play(request: HttpRequest, part: ByteRange | None, *, ranged: bool) -> Kind | None:
    """Return the kind of play that a response with this part of the audio is, or None.

    `part` is None if the response has no audio; `ranged` is true for a 206. A play is a response
    with audio from the first byte on, requested by a listener. Recording decides whether a ranged
    request is a new play or continues an earlier one.
    """
    if part is None or request.method != "GET" or part.start > 0:
        return None
    if "prefetch" in request.headers.get("Sec-Purpose", ""):
        return None
    if not ranged:
        return Kind.PLAIN
    return Kind.RANGED if part.length > PROBE_LENGTH else None


def play_of(request: HttpRequest, clip_id: int, kind: Kind) -> Play:
    """Return the play that this request makes. Raises django.db.Error."""
    listener, listener_before = listener_hashes(request)
    return Play(
        clip_id,
        kind,
        listener,
        listener_before,
        Client(client_family(request.headers.get("User-Agent", ""))),
        referring_host(request.headers.get("Referer", "")),
    )


def referring_host(referrer: str) -> str:
    """Return the host of the referring page in lower case, without its port; empty if unknown."""
    try:
        url = urlsplit(referrer)
        host = url.hostname or ""
    except ValueError:
        return ""
    known = url.scheme in ("http", "https", "android-app") and HOST.fullmatch(host)
    return host if known and len(host) <= HOST_LENGTH else ""
