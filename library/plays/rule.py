"""Which requests are plays. The rule is published at /docs/plays."""

from django.http import HttpRequest

from library.audio.byte_range import ByteRange
from library.models import Kind

PROBE_LENGTH = 2  # bytes: Safari asks for `bytes=0-1` to learn whether ranges work


def kind_of_play(request: HttpRequest, part: ByteRange | None, *, ranged: bool) -> Kind | None:
    """What kind of play an answer with this part of the audio is; None if it is none.

    `part` is None if the answer has no audio; `ranged` tells that it is a 206. A play is audio
    from its first byte on, asked for by a listener. Whether a ranged one is a new play or the same
    once more is found when it is recorded.
    """
    if part is None or request.method != "GET" or part.start > 0:
        return None
    if "prefetch" in request.headers.get("Sec-Purpose", ""):
        return None
    if not ranged:
        return Kind.PLAIN
    return Kind.RANGED if part.length > PROBE_LENGTH else None
