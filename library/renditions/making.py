"""Makes the renditions of clips."""

import logging
from contextlib import closing
from typing import Any

from django.utils import timezone

from library.audio.errors import AudioUnavailableError
from library.audio.open_audio import OpenAudio
from library.models import Clip, Rendition
from library.renditions import files
from library.renditions.publishing import publish
from library.renditions.recipe import recipe
from library.renditions.rendering import render
from library.renditions.variants import Variant
from library.sound.failures import Failure
from library.sound.rendition import ENCODINGS
from library.sources.opening import open_audio

logger = logging.getLogger(__name__)


class NotMadeError(Exception):
    """The rendition was not made, but another attempt may succeed."""


def make(clip_id: int, variant: Variant) -> None:
    """Make a rendition unless it is current, and publish it. A failure is noted in its row.

    If the source is unavailable, so is the clip's stream: the next request tries both again.
    Raises NotMadeError if another attempt may succeed.
    """
    clip = Clip.objects.not_deleted().filter(pk=clip_id).first()
    if clip is None:
        Rendition.objects.filter(clip_id=clip_id, state=Rendition.State.PENDING).delete()
        return
    row, _ = Rendition.objects.get_or_create(clip=clip, **variant._asdict())
    began = timezone.now()
    try:
        with closing(open_audio(clip)) as audio:
            audio_sha256 = audio.sha256()
            made = _made(clip, audio, audio_sha256, row, variant)
    except AudioUnavailableError as error:
        _note_failure(row, error.code)
        return
    if isinstance(made, Failure):
        if made.retry:  # it stays pending; `note_error` ends it after the last attempt
            raise NotMadeError(made.sentence)
        _note_failure(row, made.code, recipe(clip, audio_sha256, variant))
    elif not publish(row, made, clip.source, audio_sha256, began):
        raise NotMadeError("The clip has got other audio.")
    elif row.file and row.file != made.get("file", row.file):
        files.release(row.file)


def note_error(clip_id: int, variant: Variant) -> None:
    """Note that an unexpected error was the last one of the rendition's task."""
    pending = Rendition.objects.filter(state=Rendition.State.PENDING, clip_id=clip_id)
    for row in pending.filter(**variant._asdict()):
        _note_failure(row, "internal_error")


def _made(
    clip: Clip, audio: OpenAudio, audio_sha256: str, row: Rendition, variant: Variant
) -> dict[str, Any] | Failure:
    """Return the values of the row for a complete file."""
    wanted = recipe(clip, audio_sha256, variant)
    if row.recipe == wanted and row.failure is None and files.exists(row.file):
        return {"state": Rendition.State.READY}
    with files.unfinished() as output:
        rendered = render(clip, audio, audio_sha256, variant, output)
        if isinstance(rendered, Failure):
            return rendered
        encoding = ENCODINGS[variant.format]
        name, etag = files.keep(output, encoding.extension)
    return {
        "state": Rendition.State.READY,
        "failure": None,
        "recipe": wanted,
        "made_at": timezone.now(),
        "audio_sha256": audio_sha256,
        "file": name,
        "content_type": encoding.content_type,
        "etag": etag,
        "size_bytes": rendered.size,
        "duration": round(rendered.duration, 3),
        "gain": rendered.gain,
    }


def _note_failure(row: Rendition, code: str, wanted: str = "") -> None:
    """Note why there is no rendition by this recipe. The last one can still be played."""
    logger.warning("Rendition %s was not made: %s", row, code, extra={"clip": row.clip_id})
    Rendition.objects.filter(pk=row.pk).update(
        state=Rendition.State.FAILED,
        failure=code,
        recipe=wanted or row.recipe,
        made_at=timezone.now(),
    )
