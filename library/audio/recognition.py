"""Recognize audio that browsers play by the bytes of a file.

Content-Type headers and file names are unreliable, and the type must agree with what a browser
that sniffs the content detects. Containers are judged by their tracks and codecs, not by brands.

An answer for the beginning of a file is the answer for the whole file.
"""

from library.audio.containers.boxes import begins_like_iso_media
from library.audio.containers.frames import recognize_frames, search_frames
from library.audio.containers.iso_tracks import recognize_iso
from library.audio.containers.ogg import recognize_ogg
from library.audio.containers.reader import Reader, TooManyReadsError
from library.audio.containers.results import SUPPORTED, Audio, Refusal
from library.audio.containers.tags import ID3_BYTES, skip_tags
from library.audio.containers.wav import is_wave, recognize_wav
from library.audio.containers.webm import recognize_webm
from library.audio.non_audio import refused_image, refused_text, refused_type

HEAD_BYTES = 12  # that tell the containers apart
DAMAGED = Refusal("not_audio", f"This file is damaged, or not audio. Use {SUPPORTED}.")
UNKNOWN = Refusal("not_audio", f"This file is not supported audio. Use {SUPPORTED}.")
TAG_ONLY = Refusal("not_audio", "This file is incomplete: it ends in its tag, before the audio.")
EMPTY = Refusal("not_audio", "This file is empty.")


def recognize(reader: Reader) -> Audio | Refusal:
    """Return the type of a file's audio, or why it is refused.

    Raises MissingBytesError if the reader's file has not arrived far enough.
    """
    try:
        return _recognize(reader)
    except (ValueError, LookupError, ArithmeticError, TooManyReadsError):
        return DAMAGED


def _recognize(reader: Reader) -> Audio | Refusal:
    reader.wait_for(1)
    if not reader.size:
        return EMPTY
    start = skip_tags(reader)
    if start:
        reader.wait_for(start + 1)
    cut = start >= reader.size
    tagged = start > 0 and not cut
    if cut:  # or the tag declares more bytes than it has
        start = ID3_BYTES
    head = reader.at(start, HEAD_BYTES)
    return (
        _container(reader, start, head)
        or recognize_frames(reader, start, tagged=tagged)
        or refused_type(reader, start)
        or search_frames(reader, start)
        or (None if start or cut else refused_text(reader, start))
        or (TAG_ONLY if cut else UNKNOWN)
    )


def _container(reader: Reader, start: int, head: bytes) -> Audio | Refusal | None:
    """Judge a file that begins with the signature of a container, or return None."""
    if head[:4] == b"fLaC":
        return Audio("audio/flac", start)
    if is_wave(head):
        return recognize_wav(reader, start)
    if head[:4] == b"OggS":
        return recognize_ogg(reader, start)
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return recognize_webm(reader, start)
    if begins_like_iso_media(head):
        return refused_image(head) or recognize_iso(reader, start)
    return None
