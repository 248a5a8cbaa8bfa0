"""Whose source is to be looked at, and who looks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models import F, Q

from library.audio.origin_slots import host_of
from library.models import Clip, Health, State
from library.sources.storage import SAMPLES_PREFIX

LOCK = 0x436865636B  # "Check"; any number that nobody else takes


@dataclass(frozen=True, slots=True)
class Due:
    """A clip as it is when its turn is planned."""

    pk: int
    title: str
    audio_url: str
    audio_file: str
    health: str
    size_bytes: int | None

    @property
    def is_failing(self) -> bool:
        """Whether it was failing at the look before."""
        return self.health == Health.FAILING

    @property
    def host(self) -> str:
        """Whom to ask; empty for an upload."""
        try:
            return host_of(self.audio_url)
        except ValueError:  # no URL: the look at it will tell
            return self.audio_url


def due(
    *,
    limit: int,
    not_since: datetime | None = None,
    failing: bool = False,
    clip_ids: list[int] | None = None,
) -> list[Due]:
    """The clips to look at: those never looked at first, then those looked at longest ago.

    Deleted and withdrawn clips are nobody's to hear. Those looked at after `not_since` are passed
    over. On a machine that has no uploads at all, theirs are not its affair.

    A scan and a sort: an index would save less here than each look would have to write to it.
    """
    clips = Clip.objects.not_deleted().exclude(state=State.WITHDRAWN)
    if clip_ids is not None:
        clips = clips.filter(pk__in=clip_ids)
    if not Path(settings.MEDIA_ROOT).is_dir():
        clips = clips.filter(Q(audio_file="") | Q(audio_file__startswith=SAMPLES_PREFIX))
    if not_since is not None:
        clips = clips.filter(Q(health_checked_at=None) | Q(health_checked_at__lt=not_since))
    if failing:
        clips = clips.filter(health=Health.FAILING)
    rows = clips.order_by(F("health_checked_at").asc(nulls_first=True), "pk").values_list(
        "pk", "title", "audio_url", "audio_file", "health", "size_bytes"
    )
    return [Due(*row) for row in rows[:limit]]


@contextmanager
def alone() -> Iterator[bool]:
    """Whether nobody else checks sources, and nobody will while this lasts.

    Several would ask one host at the same time. Who dies loses the lock with the connection.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        (held,) = cursor.fetchone()
    try:
        yield held
    finally:
        if held:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
