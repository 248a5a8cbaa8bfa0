"""What follows when clips get the source of their audio: the first one, or another one.

A clip with an upload is looked up by the digest of its file, other clips by their URL.
"""

from collections.abc import Sequence

from library.analyses import duplicates
from library.analyses.duplicates import ByClip
from library.models import Clip
from library.tasks.analyses import request_analyses


def note_first_sources(clips: Sequence[Clip], sha256: str | None = None) -> ByClip:
    """Find and store the duplicates of clips that were added. Return those with the same URLs.

    Workers notice by themselves that new clips must be analysed. `sha256` is the digest of the file
    if the clip has an upload.
    """
    found = duplicates.note_same_urls(clips)
    if sha256 is not None:
        (clip,) = clips
        duplicates.note_same_bytes(clip, sha256)
    return found


def note_other_sources(clips: Sequence[Clip], sha256: str | None = None) -> None:
    """Have clips analysed that were saved with another source, and find their duplicates again.

    Call it in that transaction. `sha256` is the digest of the file if the clip has an upload.
    """
    clip_ids = [clip.pk for clip in clips]
    request_analyses(clip_ids)
    duplicates.forget(clip_ids)
    note_first_sources(clips, sha256)
