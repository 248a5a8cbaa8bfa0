"""The media type of audio, as early in a download as it is certain.

`recognition` judges the bytes. Most types are certain within the first kilobyte. Behind a tag the
type is certain once the whole tag has arrived, and of MP4 once its index has, which some
recorders write at the end: players cannot start before that either.
"""

import enum
import os
from collections.abc import Iterator
from typing import BinaryIO, Literal

from library.audio.containers.reader import MissingBytesError, Reader
from library.audio.containers.results import EXTENSIONS as EXTENSIONS
from library.audio.containers.results import Refusal
from library.audio.errors import AudioUnavailableError
from library.audio.recognition import recognize


class _Undecided(enum.Enum):
    UNDECIDED = enum.auto()


UNDECIDED: Literal[_Undecided.UNDECIDED] = _Undecided.UNDECIDED  # it depends on the next bytes
Answer = str | None | Literal[_Undecided.UNDECIDED]

# After these, the number of bytes doubles before each attempt: a file can consist of millions of
# parts. Audio takes a handful.
MOST_ATTEMPTS = 20


def read_head(chunks: Iterator[bytes], body: BinaryIO) -> str:
    """Copy chunks to an empty file until their media type is certain, and return that.

    Raises AudioUnavailableError if there are none or they are not audio that browsers play.
    """
    needed, more, attempts = 1, True, 0
    while more:
        chunk = next(chunks, b"")
        more = bool(chunk)
        body.write(chunk)
        if body.tell() < needed and more:
            continue
        attempts += 1
        try:
            answer = recognize(Reader(body, more=more))
        except MissingBytesError as missing:
            needed = missing.needed
            if attempts > MOST_ATTEMPTS:
                needed = max(needed, 2 * body.tell())
        else:
            break
        finally:
            body.seek(0, os.SEEK_END)
    if not body.tell():
        raise AudioUnavailableError("origin_empty")
    if isinstance(answer, Refusal):
        raise AudioUnavailableError(f"origin_{answer.reason}", explanation=answer.sentence)
    return answer.content_type


def audio_type(file: bytes) -> str | None:
    """Return the media type of a whole file of audio; None for everything else."""
    answer = recognize(Reader(file))
    return None if isinstance(answer, Refusal) else answer.content_type


def early_audio_type(head: bytes) -> Answer:
    """Return what `audio_type` will return when the rest has arrived, or UNDECIDED."""
    try:
        answer = recognize(Reader(head, more=True))
    except MissingBytesError:
        return UNDECIDED
    return None if isinstance(answer, Refusal) else answer.content_type
