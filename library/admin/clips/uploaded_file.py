"""Checks of an uploaded file by its bytes, before anything decodes it."""

import math
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from library.audio.non_audio import explain_non_audio
from library.audio.sniff import SNIFF_BYTES, audio_type

MEGABYTE = 1_000_000
MAX_INDEX_BYTES = 4 * MEGABYTE  # read of an MP4's index


def format_size(size: int) -> str:
    """Format a number of bytes, rounded up: a file above the limit never looks as if it fits."""
    if size < MEGABYTE:
        return f"{math.ceil(size / 1000)} kB"
    return f"{math.ceil(size / (MEGABYTE / 10)) / 10:g} MB"


def why_refused(head: bytes, size: int) -> str | None:
    """Return why a file of `size` bytes that begins with `head` is refused, or None."""
    limit = settings.CLIPS_AUDIO_MAX_BYTES
    if size > limit:
        return f"This file is too large: {format_size(size)}. The limit is {format_size(limit)}."
    return None if audio_type(head) else explain_non_audio(head)


def head_of(upload: "UploadedFile[Any]") -> bytes:
    """Return the bytes that identify the file's type; leave the file at its beginning."""
    head: bytes = upload.read(SNIFF_BYTES)
    if audio_type(head) == "audio/mp4":
        head += _mp4_index(upload)
    upload.seek(0)
    return head


def _mp4_index(upload: "UploadedFile[Any]") -> bytes:
    """Return the `moov` box, which lists the tracks: recorders write it last, after the media."""
    position = 0
    while True:
        upload.seek(position)
        header: bytes = upload.read(16)
        length, name = int.from_bytes(header[:4]), header[4:8]
        if length == 1:  # the length follows the name, in eight bytes
            length = int.from_bytes(header[8:])
        if name == b"moov":
            upload.seek(position)
            return bytes(upload.read(min(length, MAX_INDEX_BYTES)))
        if length < 8 or len(header) < 16:
            return b""
        position += length
