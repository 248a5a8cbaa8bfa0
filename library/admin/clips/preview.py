"""The preview of a clip in the back office: the stored one, and one of values not saved yet.

Neither counts a play, and neither is public.
"""

from contextlib import closing
from threading import BoundedSemaphore
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET, require_POST

from library.admin.base import any_permission_required, cause_sentence
from library.admin.clips.audio_views import deliver, for_readers, plain_text
from library.audio.errors import CAUSES, AudioUnavailableError
from library.models import Clip, Rendition
from library.renditions import files
from library.renditions.excerpt import FIELDS, Choice, mistakes
from library.renditions.rendering import render
from library.renditions.variants import DEFAULT_PREVIEW, in_advance
from library.sound.failures import REASONS, Failure
from library.sound.limits import MIB, RENDERING
from library.sources.opening import open_audio
from library.sources.uploaded_file import format_size

MAX_TRIALS = 2  # at once in a process: each takes a processor core
# A minute of MP3 takes 1.4 MiB. Decoding as far as the end of an hour takes some 20 s of CPU time.
TRIAL = RENDERING._replace(wall_seconds=60.0, cpu_seconds=40, output_bytes=2 * MIB)

_places = BoundedSemaphore(MAX_TRIALS)


class PreviewForm(forms.ModelForm[Clip]):
    """The settings of a preview, of a clip whose other fields stay as they are saved."""

    class Meta:
        model = Clip
        fields = FIELDS

    def clean(self) -> dict[str, Any]:
        """Check that the audio has room for the preview."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            audio = self.instance.audio
            duration = audio["duration"] if audio else self.instance.duration
            choice = Choice(*(cleaned[name] for name in FIELDS))
            for name, sentence in mistakes(choice, duration).items():
                self.add_error(name, sentence)
        return cleaned


@require_POST
@any_permission_required("library.change_clip")
def try_preview(request: HttpRequest, pk: int) -> HttpResponseBase:
    """POST a preview's settings: return the MP3 that they make of the clip's saved audio."""
    clip = get_object_or_404(Clip, pk=pk)
    form = PreviewForm(request.POST, instance=clip)
    if not form.is_valid():
        return plain_text(" ".join(str(s) for found in form.errors.values() for s in found), 422)
    if not _places.acquire(blocking=False):
        return plain_text("Too many previews are being made. Try again in a moment.", 503)
    try:
        with closing(open_audio(clip)) as audio, files.unfinished() as output:
            result = render(clip, audio, audio.sha256(), DEFAULT_PREVIEW, output, TRIAL)
            if isinstance(result, Failure):
                return plain_text(result.sentence, 422)
            output.seek(0)
            return HttpResponse(output.read(), content_type="audio/mpeg")
    except AudioUnavailableError as error:
        return plain_text(error.explanation or error.detail, error.status)
    finally:
        _places.release()


@require_GET
@for_readers
def stored_preview(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Return the stored preview of a clip, whatever its state."""
    clip = get_object_or_404(Clip, pk=pk)
    made = DEFAULT_PREVIEW.listed_in(clip.renditions)
    audio = files.open_rendition(made) if made else None
    if audio is None:
        return plain_text("This clip has no preview yet.", 404)
    return deliver(request, lambda: audio, clip.title)


def preview_context(clip: Clip) -> dict[str, Any]:
    """Return the stored preview's facts and a sentence on its state, for the template."""
    made = DEFAULT_PREVIEW.listed_in(clip.renditions)
    row = Rendition.objects.filter(clip=clip, **DEFAULT_PREVIEW._asdict()).first()
    return {
        "can_be_played": made is not None,
        "facts": f"{made['duration']:g} s, {format_size(made['size_bytes'])}" if made else "",
        "sentence": _state(row, is_old=made is not None),
        "has_failed": row is not None and row.state == Rendition.State.FAILED,
    }


def _state(row: Rendition | None, *, is_old: bool) -> str:
    if row is not None and row.state == Rendition.State.FAILED:
        code = row.failure or ""
        reason = REASONS[code].sentence if code in REASONS else ""
        return f"It could not be made. {reason or (cause_sentence(code) if code in CAUSES else '')}"
    if row is not None and row.state == Rendition.State.PENDING:
        if is_old:
            return "A new one is being made. Until then, this one is played."
        return "It is being made. Reload the page to hear it."
    if is_old:
        return ""
    if DEFAULT_PREVIEW in in_advance():
        return "It is made after the audio has been analysed."
    return "It is made when it is first requested."
