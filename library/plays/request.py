"""Decide which requests are plays, by the rule at /docs/plays, and describe such a play."""

import re
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from library.audio.byte_range import ByteRange
from library.client_address import Network
from library.models import HOST_LENGTH, Client, Kind
from library.plays.client_families import client_family
from library.plays.listener import Keys, listener_hashes
from library.plays.record import Play

Field = Callable[[str], str | None]  # a header field by its name

# The byte that makes a response a play. Safari requests `bytes=0-1` to test whether ranges work, so
# these two bytes are free. A client that wants all the audio needs a response with this byte,
# in whatever ranges it requests the audio.
COUNTED_BYTE = 2
HOST = re.compile(r"[a-z0-9_.:-]+")


def kind_of_play(method: str, field: Field, part: ByteRange | None, *, ranged: bool) -> Kind | None:
    """Return the kind of play that a response with this part of the audio is, or None.

    `part` is None if the response has no audio; `ranged` is true for a 206. A play is a response
    with the whole audio, or with a range that includes COUNTED_BYTE. Recording decides whether a
    ranged request is a new play or continues an earlier one.
    """
    if part is None or method != "GET":
        return None
    if ranged and not part.start <= COUNTED_BYTE < part.stop:
        return None
    if "prefetch" in (field("Sec-Purpose") or ""):
        return None
    return Kind.RANGED if ranged else Kind.PLAIN


def play_of(
    clip_id: int,
    kind: Kind,
    field: Field,
    network: Network | None,
    keys: Keys,
    version: datetime | None = None,
    embedded_in: str = "",
) -> Play:
    """Return the play that a request from this network makes.

    Its referrer is the host of the referring page. `embedded_in` counts for requests without a
    Referer, as an embedded player sends them: no page can claim another host for its own plays
    unless it hides itself.
    """
    user_agent = field("User-Agent") or ""
    listener, listener_before = listener_hashes(keys, network, user_agent)
    referrer = field("Referer")
    return Play(
        clip_id,
        kind,
        listener,
        listener_before,
        Client(client_family(user_agent)),
        referring_host(referrer) if referrer else embedded_in,
        version,
    )


def is_host(text: str) -> bool:
    """Return whether a text is a host as `referring_host` returns it."""
    return len(text) <= HOST_LENGTH and HOST.fullmatch(text) is not None and text.count(":") != 1


def referring_host(referrer: str) -> str:
    """Return the host of the referring page in lower case, without its port; empty if unknown."""
    if not referrer:
        return ""
    try:
        url = urlsplit(referrer)
        host = url.hostname or ""
    except ValueError:
        return ""
    known = url.scheme in ("http", "https", "android-app")
    return host if known and is_host(host) else ""
