"""Renders a part of a clip's audio into a file, through the confined decoder."""

from typing import Any, BinaryIO, Literal, cast

from library.audio.open_audio import OpenAudio
from library.models import AudioAnalysis, Clip, Part
from library.renditions.excerpt import Choice, excerpt
from library.renditions.recipe import target
from library.renditions.variants import Variant
from library.sound import engine
from library.sound.failures import REASONS, Failure
from library.sound.limits import RENDERING, Limits
from library.sound.rendition import Rendered, Rendition


def render(
    clip: Clip,
    audio: OpenAudio,
    audio_sha256: str,
    variant: Variant,
    output: BinaryIO,
    limits: Limits = RENDERING,
) -> Rendered | Failure:
    """Write a variant of a clip's complete audio to `output`."""
    part: dict[str, Any] = {}
    if variant.part == Part.PREVIEW:
        facts = _duration_and_loudness(clip, audio, audio_sha256)
        if isinstance(facts, Failure):
            return facts
        part = excerpt(Choice.of(clip), *facts)._asdict()
    wanted = Rendition(
        cast('Literal["mp3", "opus", "aac"]', variant.format),
        cast('Literal["low", "high"]', variant.quality),
        target=target(),
        **part,
    )
    return engine.render(audio.file, audio.content_type, wanted, output, limits)


def _duration_and_loudness(
    clip: Clip, audio: OpenAudio, audio_sha256: str
) -> tuple[float, tuple[float, ...]] | Failure:
    """Return the measured duration and the course of the loudness.

    They come from the clip's analysis, or from a new one if that is of other audio.
    """
    known = AudioAnalysis.objects.filter(clip=clip, sha256=audio_sha256).first()
    if known is not None and known.source == clip.source:
        if known.failure in REASONS and not REASONS[known.failure].retry:
            return Failure(known.failure)
        if clip.audio is not None and known.short_term is not None:
            return clip.audio["duration"], tuple(known.short_term)
    analysis = engine.analyse(audio.file, audio.content_type)
    if isinstance(analysis, Failure):
        return analysis
    return analysis.duration, analysis.short_term
