"""An uploaded file, judged by its bytes before anything is made of it."""

import math
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from library.audio.non_audio import explain_non_audio
from library.audio.sniff import SNIFF_BYTES, audio_type

MEGABYTE = 1_000_000
INDEX_MOST = 4 * MEGABYTE  # bytes of an MP4's index that are looked at


def told_size(size: int) -> str:
    """A number of bytes for people; a part of a unit counts as one, so a limit never looks kept."""
    if size < MEGABYTE:
        return f"{math.ceil(size / 1000)} kB"
    return f"{math.ceil(size / (MEGABYTE / 10)) / 10:g} MB"


def why_refused(head: bytes, size: int) -> str | None:
    """Why a file that begins so, of so many bytes, cannot be a clip's; None if it can."""
    most = settings.CLIPS_AUDIO_MAX_BYTES
    if size > most:
        return f"This file is too large: it is {told_size(size)}; the most is {told_size(most)}."
    return None if audio_type(head) else explain_non_audio(head)


def head_of(upload: "UploadedFile[Any]") -> bytes:
    """The bytes that tell what a whole file is; it stands at its beginning before and after."""
    head: bytes = upload.read(SNIFF_BYTES)
    if audio_type(head) == "audio/mp4":
        head += _mp4_index(upload)
    upload.seek(0)
    return head


def _mp4_index(upload: "UploadedFile[Any]") -> bytes:
    """The box that names the tracks: recorders write it last, behind a video as behind audio."""
    position = 0
    while True:
        upload.seek(position)
        header: bytes = upload.read(16)
        length, name = int.from_bytes(header[:4]), header[4:8]
        if length == 1:  # it follows the name, in eight bytes
            length = int.from_bytes(header[8:])
        if name == b"moov":
            upload.seek(position)
            return bytes(upload.read(min(length, INDEX_MOST)))
        if length < 8 or len(header) < 16:
            return b""
        position += length
