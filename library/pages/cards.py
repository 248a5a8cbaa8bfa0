"""Clips as pages show and play them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.urls import reverse

from library.durations import minutes_and_seconds
from library.models import Clip, Part
from library.pages.waves import BARS, HEIGHT, paths_of
from library.renditions.variants import DEFAULT_PREVIEW
from library.sound.loudness import TARGETS

LOUDNESS = f"{min(TARGETS):g}"  # LUFS of all clips, if listeners choose equal loudness

TAGS_SHOWN = 4


@dataclass(frozen=True)
class Card:
    """A clip, and the facts of the audio that its stream sends.

    `duration` is in seconds, and `gain` in dB; `gain` is None if it is unknown. `wave` is a path in
    SVG for `_wave.html`, or empty.
    """

    clip: Clip
    page_path: str
    stream_path: str
    duration: float
    gain: float | None
    wave: str
    wave_box: str = f"-0.5 0 {BARS} {HEIGHT}"

    @property
    def tags(self) -> list[str]:
        """The tags that a card has room for."""
        return self.clip.tags[:TAGS_SHOWN]

    @property
    def length(self) -> str:
        """The duration in minutes and seconds."""
        return minutes_and_seconds(self.duration)


def cards_of(clips: Iterable[Clip]) -> list[Card]:
    """Return the clips with what pages need to play them. Runs at most one query."""
    clips = list(clips)
    only_previews = settings.CLIPS_PUBLISH == Part.PREVIEW
    waves = {} if only_previews else paths_of(clips)  # the waveform is that of the whole
    return [_card(clip, waves.get(clip.pk, ""), only_previews=only_previews) for clip in clips]


def _card(clip: Clip, wave: str, *, only_previews: bool) -> Card:
    duration = clip.duration
    gain = clip.audio["gain"][LOUDNESS] if clip.audio else None
    if only_previews and (made := DEFAULT_PREVIEW.listed_in(clip.renditions)):
        duration = made["duration"]
    return Card(
        clip,
        *_paths(clip.pk),
        duration,
        gain,
        wave,
    )


@lru_cache(maxsize=5_000)
def _paths(pk: int) -> tuple[str, str]:
    """Return the paths of a clip's page and of its stream. `reverse` takes long."""
    return reverse("clip-page", args=[pk]), reverse("clip-stream", args=[pk])
