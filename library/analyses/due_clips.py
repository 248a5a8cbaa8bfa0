"""Select the clips to analyse, by where their audio is."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from library.audio.locks import host_of
from library.models import Clip
from library.models.clip import ClipQuerySet
from library.sources.opening import audio_store
from library.sources.storage import SAMPLES_PREFIX

NEW = timedelta(days=7)  # since its last change; a clip without analysis is new for so long


class DueClip(NamedTuple):
    """A clip to analyse, and the source of its audio."""

    pk: int
    title: str
    audio_url: str
    audio_file: str
    updated_at: datetime

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


def due_clips(clips: ClipQuerySet) -> Iterator[DueClip]:
    """Yield the clips in their order. Exclude uploads on a machine without an uploads folder."""
    if not Path(settings.MEDIA_ROOT).is_dir():
        clips = clips.filter(Q(audio_file="") | Q(audio_file__startswith=SAMPLES_PREFIX))
    for values in clips.values_list(*DueClip._fields).iterator():
        yield DueClip(*values)


def due_in_background() -> Iterator[DueClip]:
    """Yield the clips that are analysed without being asked to, newest first.

    The audio of new clips is downloaded. Others are only analysed if this machine has the audio: a
    large library that has no analyses yet is left to `manage.py analyse_clips --fetch`.
    """
    since = timezone.now() - NEW
    for clip in due_clips(Clip.objects.needing_analysis().order_by("-pk")):
        if clip.updated_at >= since or clip.is_local:
            yield clip
