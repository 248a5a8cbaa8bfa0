"""Select the clips whose sources are due for a check."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db.models import F, Q

from library.audio.locks import host_of
from library.models import Clip, Health, State
from library.sources.storage import SAMPLES_PREFIX


@dataclass(frozen=True, slots=True)
class DueClip:
    """A clip as it was when its check was scheduled."""

    pk: int
    title: str
    audio_url: str
    audio_file: str
    health: str
    size_bytes: int | None

    @property
    def is_failing(self) -> bool:
        return self.health == Health.FAILING

    @property
    def host(self) -> str:
        """The host of the origin; empty for an upload."""
        try:
            return host_of(self.audio_url)
        except ValueError:  # an invalid URL: its inspection reports that
            return self.audio_url


def due_clips(
    *,
    limit: int,
    not_since: datetime | None = None,
    failing: bool = False,
    clip_ids: list[int] | None = None,
) -> list[DueClip]:
    """Return the clips to check: first those never checked, then those checked longest ago.

    Excludes deleted and withdrawn clips, and those checked after `not_since`. On a machine without
    an uploads folder, uploaded clips are excluded, too.

    The query scans and sorts all clips. An index would save less here than every check would spend
    on updating it.
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
    return [DueClip(*row) for row in rows[:limit]]
