"""The part of the audio that a preview plays. Pure functions, times in seconds."""

from collections.abc import Sequence
from typing import NamedTuple

from library.sound.loudness import loudest
from library.sound.rendition import TOLERANCE

LENGTH = 30.0
FADE_IN, FADE_OUT = 0.1, 1.0  # where the excerpt cuts into the audio
LEAST = 0.1  # of the audio after a preview's start


class Choice(NamedTuple):
    """The fields of a clip that editors set for its preview; None leaves one to the service."""

    start: float | None = None
    length: float | None = None
    fade_in: float | None = None
    fade_out: float | None = None

    @classmethod
    def of(cls, clip: object) -> "Choice":
        """Return the choice in the fields of a clip."""
        return cls(*(getattr(clip, name) for name in FIELDS))


FIELDS = tuple(f"preview_{name}" for name in Choice._fields)


class Excerpt(NamedTuple):
    """A part of the audio with its fades."""

    start: float
    length: float
    fade_in: float
    fade_out: float


def excerpt(choice: Choice, duration: float, short_term: Sequence[float]) -> Excerpt:
    """Return the excerpt of audio of this duration. `short_term` is that of an analysis.

    By default it is the loudest 30 s. It fades where it cuts into the audio. Fades that were chosen
    for longer audio get the same parts of what there is, and a start beyond its end is left out.
    """
    length = choice.length or LENGTH
    start = choice.start
    if start is None or (start > 0 and start > duration - LEAST):  # the audio is shorter by now
        start = loudest(short_term, duration, min(length, duration))
    length = max(LEAST, min(length, duration - start))
    fade_in, fade_out = choice.fade_in, choice.fade_out
    if fade_in is None:
        fade_in = min(FADE_IN if start > 0 else 0.0, length - min(length, fade_out or 0.0))
    if fade_out is None:
        cuts = start + length < duration - 0.01
        fade_out = min(FADE_OUT if cuts else 0.0, length - min(length, fade_in))
    scale = min(1.0, length / max(length, fade_in + fade_out))
    return Excerpt(start, length, scale * fade_in, scale * fade_out)


def mistakes(choice: Choice, duration: float | None) -> dict[str, str]:
    """Return a sentence by the name of a clip's field for values that contradict each other.

    `duration` is that of the audio, None if unknown.
    """
    start, fades = choice.start or 0.0, (choice.fade_in or 0.0) + (choice.fade_out or 0.0)
    if duration is not None and start > 0 and start > duration - LEAST:
        return {
            "preview_start": "The preview must start before the end of the audio, which lasts "
            f"{duration:g} s."
        }
    length = choice.length or LENGTH
    if duration is not None:
        length = min(length, duration - start)
    if fades > length + TOLERANCE:
        longer = max(("preview_fade_in", "preview_fade_out"), key=lambda name: _fade(choice, name))
        return {longer: f"The fades must not be longer than the preview, which lasts {length:g} s."}
    return {}


def _fade(choice: Choice, field: str) -> float:
    return getattr(choice, field.removeprefix("preview_")) or 0.0
