"""Checks of an uploaded file by its bytes, before anything decodes it."""

import math

from django.conf import settings

from library.audio.containers.reader import MissingBytesError, Reader
from library.audio.containers.results import Refusal
from library.audio.recognition import recognize

MEGABYTE = 1_000_000


def format_size(size: int) -> str:
    """Format a number of bytes, rounded up: a file above the limit never looks as if it fits."""
    if size < MEGABYTE:
        return f"{math.ceil(size / 1000)} kB"
    return f"{math.ceil(size / (MEGABYTE / 10)) / 10:g} MB"


def why_too_large(size: int) -> str | None:
    """Return why a file of `size` bytes is refused, or None."""
    limit = settings.CLIPS_AUDIO_MAX_BYTES
    if size > limit:
        return f"This file is too large: {format_size(size)}. The limit is {format_size(limit)}."
    return None


def type_or_refusal(reader: Reader) -> tuple[str, str | None]:
    """Return the media type of a file and why it is refused, or None.

    The type is empty if it depends on bytes that the reader does not have yet.
    """
    try:
        found = recognize(reader)
    except MissingBytesError:
        return "", None
    return ("", found.sentence) if isinstance(found, Refusal) else (found.content_type, None)
