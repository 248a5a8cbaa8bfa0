"""What identifies a rendition: the audio and every parameter that it is made from."""

import json
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version

from django.conf import settings

from library.models import Clip, Part
from library.renditions.excerpt import Choice
from library.renditions.variants import Variant

VERSION = 1  # of how this service makes renditions


def target() -> float | None:
    """Return the loudness of renditions in LUFS, None if it stays as it is."""
    chosen: str = settings.CLIPS_RENDITION_LOUDNESS
    return None if chosen == "off" else float(chosen)


def recipe(clip: Clip, audio_sha256: str, variant: Variant) -> str:
    """Return the hash of everything that the rendition of a clip depends on.

    A preview's defaults follow from the audio.
    """
    choice = Choice.of(clip) if variant.part == Part.PREVIEW else None
    parts = [VERSION, _encoder(), audio_sha256, variant, choice, target()]
    return sha256(json.dumps(parts).encode()).hexdigest()


@cache
def _encoder() -> str:
    try:
        return version("av")
    except PackageNotFoundError:
        return ""
