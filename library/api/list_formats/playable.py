"""The audio that a clip's stream sends: its type, size and duration."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

from library.audio.errors import AudioUnavailableError
from library.audio.sniff import EXTENSIONS
from library.models import Clip, Part
from library.models.rows import Row
from library.renditions.variants import DEFAULT_PREVIEW
from library.sources.opening import open_local_audio

DURATION = ("duration", "renditions")
COLUMNS = (*DURATION, "content_type", "size_bytes", "audio_url", "audio_file")
MOST_FILES = 100  # that a response opens
UNKNOWN_TYPE = "application/octet-stream"
_TYPES = {extension: media_type for media_type, extension in EXTENSIONS.items()} | {
    "mp4": "audio/mp4",
    "oga": "audio/ogg",
    "opus": "audio/ogg",
}


class Playable(NamedTuple):
    """What a stream without parameters sends. `size` and `duration` are None if unknown."""

    content_type: str
    size: int | None
    duration: float | None


def playables(rows: Iterable[Row]) -> Iterator[Playable]:
    """Yield the facts of each clip's stream from the COLUMNS of its row.

    Without a size from a check, those of the audio on this machine count, for MOST_FILES clips. For
    others, the size is unknown and the type is the one that the name of the source suggests.
    """
    files = 0
    for row in rows:
        if settings.CLIPS_PUBLISH == Part.PREVIEW:
            yield _preview(row)
            continue
        content_type, size = row["content_type"], row["size_bytes"]
        if content_type is None or size is None:
            found = _local_facts(row) if files < MOST_FILES else None
            files += 1
            content_type, size = found or (content_type or _suggested_type(row), None)
        yield Playable(content_type, size, row["duration"])


def duration_of(row: Row) -> float | None:
    """Return the duration of a clip's stream in seconds, or None if it is unknown."""
    if settings.CLIPS_PUBLISH == Part.PREVIEW:
        return _preview(row).duration
    duration: float | None = row["duration"]
    return duration


def _preview(row: Row) -> Playable:
    made = DEFAULT_PREVIEW.listed_in(row["renditions"])
    if made is None:  # it is made when it is first requested
        return Playable(_TYPES[DEFAULT_PREVIEW.format], None, None)
    return Playable(made["content_type"], made["size_bytes"], made["duration"])


def _local_facts(row: Row) -> tuple[str, int] | None:
    clip = Clip(audio_url=row["audio_url"], audio_file=row["audio_file"])
    try:
        audio = open_local_audio(clip)
    except AudioUnavailableError:
        return None
    if audio is None:
        return None
    with closing(audio):
        return audio.content_type, audio.size


def _suggested_type(row: Row) -> str:
    path = row["audio_file"] or urlsplit(row["audio_url"]).path
    return _TYPES.get(PurePosixPath(path).suffix.lower().removeprefix("."), UNKNOWN_TYPE)
