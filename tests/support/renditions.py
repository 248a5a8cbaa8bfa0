"""Clips with analyses and renditions. Each rendition is rendered once in a process."""

from typing import Any

from django.forms import model_to_dict

from library.models import AudioAnalysis, Clip, Rendition
from library.renditions.making import make
from library.renditions.publishing import list_current
from library.renditions.variants import Variant
from library.sources.opening import open_audio
from tests.support.audio_facts import facts
from tests.support.recipes import make_clip

PREVIEW = Variant("preview", "mp3", "high")
SHORT: dict[str, Any] = {"preview_start": 2.0, "preview_length": 8.0}
_made: dict[Variant, dict[str, Any]] = {}


def analysed(clip: Clip, **columns: Any) -> Clip:
    """Save an analysis of the clip's audio without decoding it."""
    audio = open_audio(clip)
    values = {
        "source": clip.source,
        "audio_etag": audio.etag,
        "sha256": audio.sha256(),
        "short_term": [-20.0] * 26,
    }
    audio.close()
    AudioAnalysis.objects.update_or_create(clip=clip, defaults=values | columns)
    Clip.objects.filter(pk=clip.pk).update(audio=facts(duration=28.55, etag=audio.etag))
    clip.refresh_from_db()
    return clip


def with_renditions(*variants: Variant) -> Clip:
    """Return a clip of the sample with these renditions; by default a preview of 8 s."""
    clip = analysed(make_clip(**SHORT))
    for variant in variants or (PREVIEW,):
        if variant in _made:
            Rendition.objects.create(clip=clip, **_made[variant])
        else:
            make(clip.pk, variant)
            row = Rendition.objects.get(clip=clip, **variant._asdict())
            _made[variant] = model_to_dict(row, exclude=["id", "clip"])
    list_current(clip.pk)
    clip.refresh_from_db()
    return clip
