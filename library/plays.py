"""What counts as a play, and recording it exactly once."""

from django.db import transaction
from django.db.models import F
from django.http import HttpRequest

from library.audio.byte_range import ByteRange
from library.models import Clip, PlayEvent

PROBE_LENGTH = 2  # bytes: Safari asks for `bytes=0-1` to learn whether ranges work


def is_play(request: HttpRequest, part: ByteRange | None) -> bool:
    """Whether an answer with this part of the audio is a play; None if it has no audio.

    A play is audio from its first byte on, asked for by a listener. The rule is published in the
    description of the API.
    """
    if part is None or request.method != "GET" or part.start > 0:
        return False
    if "prefetch" in request.headers.get("Sec-Purpose", ""):
        return False
    return part.length > PROBE_LENGTH or "Range" not in request.headers


def record(clip: Clip) -> None:
    """Count one play of the clip: its event and its counter, or neither.

    Committed when this returns, so no audio may be sent before. `F()` lets PostgreSQL add: two
    plays at once would otherwise both read the same count and one would be lost. The event goes
    first, so that the clip's row is locked as shortly as can be.
    """
    with transaction.atomic():
        PlayEvent.objects.create(clip=clip)
        Clip.objects.filter(pk=clip.pk).update(play_count=F("play_count") + 1)
