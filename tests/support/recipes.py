"""Recipes for model instances. A test names only the values that matter to it.

`sample_clip.make(title="Rain")` saves a clip, `play.prepare(clip=clip)` returns an unsaved play.
"""

from typing import Any

from django.contrib.auth.models import User
from model_bakery.recipe import Recipe

from library.models import Client, Clip, Kind, PlayEvent

_clip = Recipe(Clip, title="Ambient Sounds", genre="ambient", duration=28.5)
sample_clip: Recipe[Clip] = _clip.extend(audio_file="samples/ambient-sounds.mp3")
linked_clip: Recipe[Clip] = _clip.extend(audio_url="https://example.com/ambient-sounds.mp3")
play = Recipe(PlayEvent, kind=Kind.PLAIN, client=Client.LIBRARY)
staff_member = Recipe(User, username="editor", is_staff=True)
superuser = Recipe(User, username="chief", is_staff=True, is_superuser=True)


def make_clip(**fields: Any) -> Clip:
    """Make a clip of a sample's audio, or of the origin's audio if `audio_url` is given."""
    recipe = linked_clip if "audio_url" in fields else sample_clip
    made: Clip = recipe.make(**fields)
    return made
