"""Checks of an uploaded file by its bytes, before anything decodes it."""

import hashlib
import math
from typing import Any

from django.conf import settings

from library.audio.containers.reader import MissingBytesError, Reader
from library.audio.containers.results import Refusal
from library.audio.recognition import recognize
from library.models import MAX_DURATION

MEGABYTE = 1_000_000
TOO_LONG = f"The file is {{:g}} seconds long. A clip has at most {MAX_DURATION}: shorten the file."
NOT_MEASURED = "The duration of this file could not be measured. Enter it in seconds."


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


def in_doubt(given: float, measured: float | None) -> bool:
    """Return whether a duration differs from the file's by more than 1 s and more than 2%."""
    return measured is not None and abs(given - measured) > max(1.0, 0.02 * measured)


def sha256_of(file: Any) -> str:
    """Return the digest of a file from its current position on."""
    return hashlib.file_digest(file, "sha256").hexdigest()
