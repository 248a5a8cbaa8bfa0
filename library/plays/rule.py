"""The rule that decides which requests are plays. It is published at /docs/plays."""

from django.http import HttpRequest

from library.audio.byte_range import ByteRange
from library.models import Kind

PROBE_LENGTH = 2  # bytes: Safari requests `bytes=0-1` to find out whether ranges work


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
