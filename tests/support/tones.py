"""Clips of a tone, for tests that listen."""

from typing import Any

from library.models import Clip
from tests.settings import LOCAL
from tests.sound.signals import sine, wav
from tests.support.recipes import make_clip

LENGTH = 20  # seconds: no tone ends by itself while a test looks at it
AUDIO = wav(sine(-6, LENGTH))


def make_tone(title: str, **fields: Any) -> Clip:
    """Make a clip of the tone. Needs a database."""
    folder = LOCAL / "media" / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tone.wav").write_bytes(AUDIO)
    return make_clip(title=title, audio_file="uploads/tone.wav", duration=LENGTH, **fields)
