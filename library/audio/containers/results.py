"""What the bytes of a file say about it."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

EXTENSIONS = {
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/mp4": "m4a",
    "audio/wav": "wav",
    "audio/flac": "flac",
    "audio/aac": "aac",
    "audio/webm": "webm",
}


def type_name(content_type: str | None) -> str:
    """Return the name of a media type for people, such as `MP3`; empty if it is unknown."""
    return EXTENSIONS.get(content_type or "", "").upper()


*_others, _last = EXTENSIONS.values()
SUPPORTED = f"{', '.join(_others)} or {_last}"
CONVERT = f"Convert it to {SUPPORTED}."
RECODE = "Convert it to MP3, AAC or Opus."  # a file in a supported container


Reason = Literal[
    "not_audio",
    "video",
    "codec",
    "web_page",
    "playlist",
    "text",
    "image",
    "document",
    "archive",
]


class Audio(NamedTuple):
    """Audio of a supported type whose codec browsers play."""

    content_type: str
    start: int = 0  # of the first byte behind leading tags and junk


class Refusal(NamedTuple):
    """Why a file cannot be a clip's audio, as a word for programs and a sentence for people.

    With `origin_` in front, the reason is a code of AudioUnavailableError.
    """

    reason: Reason
    sentence: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """The duration of what a file contains, and the one its header declares, in seconds."""

    seconds: float
    declared: float | None = None
    cut: bool = False  # the file ends within a frame, block or box

    @property
    def truncated(self) -> bool:
        """Whether the file is shorter than it says, by more than rounding and encoder delays."""
        declared = self.declared or 0.0
        return self.cut or self.seconds < min(0.99 * declared, declared - 0.2)


NO_INDEX = Refusal(
    "not_audio", "This file is incomplete: its index is missing. Export or upload it again."
)
VIDEO = Refusal("video", "This file has video. Export its audio track, for example as MP3 or M4A.")


def unplayable(codec: str) -> Refusal:
    """Return the refusal of a codec that few or no browsers play."""
    return Refusal("codec", f"This is {codec} audio, which few browsers play. {RECODE}")


def protected() -> Refusal:
    """Return the refusal of encrypted audio."""
    return Refusal("codec", "This file is copy-protected, so browsers cannot play it.")


NO_AUDIO = Refusal("not_audio", "This file has no audio track.")
