"""Clips for tests."""

from typing import Any

from library.models import Clip


def make(**fields: Any) -> Clip:
    """A clip of a sample's audio unless a URL is given."""
    source = {} if "audio_url" in fields else {"audio_file": "samples/ambient-sounds.mp3"}
    values = {"title": "Ambient Sounds", "genre": "ambient", "duration": 28.5}
    return Clip.objects.create(**{**values, **source, **fields})
