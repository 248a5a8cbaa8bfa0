"""Describe the play that a request makes."""

import re
from urllib.parse import urlsplit

from django.http import HttpRequest

from library.models import HOST_LENGTH, Client, Kind
from library.plays.client_families import client_family
from library.plays.listener import listener_hashes
from library.plays.record import Play

HOST = re.compile(r"[a-z0-9_.:-]+")


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
