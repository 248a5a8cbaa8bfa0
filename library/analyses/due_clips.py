"""Select the clips to analyse, by where their audio is."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db.models import Q

from library.audio.locks import host_of
from library.models.clip import ClipQuerySet
from library.sources.opening import audio_store
from library.sources.storage import SAMPLES_PREFIX


class DueClip(NamedTuple):
    """A clip to analyse, and the source of its audio."""

    pk: int
    title: str
    audio_url: str
    audio_file: str

    @property
    def host(self) -> str:
        """The host of the origin; empty for an upload."""
        try:
            return host_of(self.audio_url)
        except ValueError:  # an invalid URL: its download reports that
            return self.audio_url

    @property
    def is_local(self) -> bool:
        """Whether the audio is an upload, or in this machine's store."""
        return bool(self.audio_file) or audio_store().holds(self.audio_url)


def with_local_audio(
    clips: ClipQuerySet, *, or_changed_since: datetime | None = None
) -> Iterator[DueClip]:
    """Yield the clips whose audio this machine has, or that were changed since then, newest first.

    On a machine without an uploads folder, uploaded clips are excluded.
    """
    if not Path(settings.MEDIA_ROOT).is_dir():
        clips = clips.filter(Q(audio_file="") | Q(audio_file__startswith=SAMPLES_PREFIX))
    columns = ("pk", "title", "audio_url", "audio_file", "updated_at")
    for *values, updated_at in clips.order_by("-pk").values_list(*columns):
        clip = DueClip(*values)
        is_new = or_changed_since is not None and updated_at >= or_changed_since
        if is_new or clip.is_local:
            yield clip
