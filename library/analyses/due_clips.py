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
PART = 20_000  # ids


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


def due_clips(clips: ClipQuerySet, most: int | None = None) -> list[DueClip]:
    """Return at most so many of the clips, in their order.

    Uploads are excluded on a machine without an uploads folder.
    """
    if not Path(settings.MEDIA_ROOT).is_dir():
        clips = clips.filter(Q(audio_file="") | Q(audio_file__startswith=SAMPLES_PREFIX))
    return [DueClip(*values) for values in clips.values_list(*DueClip._fields)[:most]]


def new_due_clips(portion: int) -> Iterator[list[DueClip]]:
    """Yield the due clips that were changed in the last days, in portions, newest first.

    Their audio is downloaded. A large library that has no analyses yet is left to
    `manage.py analyse_clips --fetch`.
    """
    new = Clip.objects.needing_analysis().filter(updated_at__gte=_since()).order_by("-pk")
    clips = due_clips(new, portion)
    while clips:
        yield clips
        clips = due_clips(new.filter(pk__lt=clips[-1].pk), portion)


def part_of_library(turn: int) -> int:
    """Return the part for `local_due_clips` in this turn. Turns take the parts in turn."""
    last = Clip.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    return turn % (last // PART + 1)


def local_due_clips(part: int) -> list[DueClip]:
    """Return the other due clips of a part of the library whose audio is on this machine.

    Looking for the audio takes a system call for each clip, so nothing looks at all at once.
    """
    others = Clip.objects.needing_analysis().filter(updated_at__lt=_since())
    clips = others.filter(pk__gte=part * PART, pk__lt=(part + 1) * PART).order_by("pk")
    return [clip for clip in due_clips(clips) if clip.is_local]


def _since() -> datetime:
    return timezone.now() - NEW
