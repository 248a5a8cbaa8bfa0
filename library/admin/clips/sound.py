"""The measured audio on a clip's page: its facts, and what an editor can do about them."""

from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.timesince import timeuntil
from django.views.decorators.http import require_POST

from library import history
from library.admin.clips.filters import TOLERANCE
from library.analyses.analysing import reason
from library.analyses.fact_rows import fact_rows
from library.models import MAX_DURATION, AudioAnalysis, Clip
from library.tasks.analyses import repeat_analyses


class Sound(NamedTuple):
    """What the page shows of a clip's audio.

    `rows` are labels and values; without any, `status` says why. `durations` are the measured one
    and the clip's, in seconds, if they differ. `fault` is a sentence on audio that is not intact.
    """

    rows: list[tuple[str, str]]
    status: str = ""
    durations: tuple[str, str] | None = None
    fault: str = ""


def sound_of(clip: Clip) -> Sound:
    """Return what is known about the audio of a clip."""
    facts = clip.audio
    if not facts:
        return Sound([], _status(clip))
    measured = _settable(facts)
    differs = abs(measured - clip.duration) > TOLERANCE
    durations = (f"{measured:.10g}", f"{clip.duration:.10g}") if differs else None
    return Sound(_rows(facts), "", durations, _fault(facts))


def _settable(facts: dict[str, Any]) -> float:
    """Return the measured duration as the clip's: in seconds, to the millisecond."""
    return round(float(facts["duration"]), 3)


def _fault(facts: dict[str, Any]) -> str:
    if facts["truncated"]:
        return "The audio is truncated: it ends before its file says it does. Replace the file."
    if facts.get("damaged_packets"):  # those of older analyses have no number
        return "Parts of the file are damaged and cannot be heard. Replace the file if you can."
    return ""


def _rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    gain = facts["gain"]
    clippings = facts["clippings"]
    silence = f"{facts['leading_silence']:.1f} s at the start"
    silence += f", {facts['trailing_silence']:.1f} s at the end"
    rows = [
        *fact_rows(facts),
        ("Silence", silence),
        ("Clipping", f"in {clippings:,} place{'s' * (clippings != 1)}" if clippings else "none"),
    ]
    if gain["-14"] is not None:
        gains = (f"{decibels:+.1f} dB to {target} LUFS" for target, decibels in gain.items())
        rows.append(("Gain", ", ".join(gains)))
    if facts["truncated"]:
        rows.append(("Truncated", "yes"))
    if damaged := facts.get("damaged_packets"):
        rows.append(("Damaged", f"{damaged:,} packet{'s' * (damaged != 1)}"))
    return rows


def _status(clip: Clip) -> str:
    """Return why there are no facts, in sentences."""
    analysis = AudioAnalysis.objects.defer("peaks", "short_term", "fingerprint").filter(clip=clip)
    last = analysis.first()
    if last is not None and last.source == clip.source and last.failure:
        return f"Not analysed. {reason(last.failure)}"
    if last is not None and last.obstacle:
        again = last.next_attempt_at
        due = f"in {timeuntil(again, depth=1)}" if again and again > timezone.now() else "soon"
        return f"Not analysed yet. {reason(last.obstacle)} Next attempt {due}."
    return "Not analysed yet."


@require_POST
def set_measured_duration(request: HttpRequest, pk: int) -> HttpResponseBase:
    """POST `version` and `etag`, as the page showed them: set the duration that was measured.

    Nothing is changed if the clip or its audio has changed since, or was deleted.
    """
    if not request.user.has_perm("library.change_clip"):
        raise PermissionDenied
    with transaction.atomic():
        # NO KEY, because the event of a play refers to the row and must not wait.
        clip = get_object_or_404(Clip.objects.not_deleted().select_for_update(no_key=True), pk=pk)
        before = history.values_of(clip)
        shown = (request.POST.get("version"), request.POST.get("etag"))
        if not clip.audio or shown != (clip.updated_at.isoformat(), clip.audio["etag"]):
            messages.warning(
                request,
                "Nothing was changed: this clip or its audio has changed since you opened the page."
                " Check the durations again.",
            )
        elif not 0 < (measured := _settable(clip.audio)) <= MAX_DURATION:
            messages.warning(
                request, f"The duration must be above 0 and at most {MAX_DURATION} seconds."
            )
        elif measured != clip.duration:
            clip.duration = measured
            clip.save(update_fields=["duration"])
            history.note_changes(request.user, [(before, clip)])
            messages.success(request, f"The duration is now {measured:g} s, as measured.")
    return redirect("admin:library_clip_change", pk)


@require_POST
def analyse_again(request: HttpRequest, pk: int) -> HttpResponseBase:
    """POST: let the audio of a clip be analysed again."""
    if not request.user.has_perm("library.change_clip"):
        raise PermissionDenied
    clip = get_object_or_404(Clip.objects.not_deleted().only("pk"), pk=pk)
    repeat_analyses([clip.pk])
    messages.success(request, "The audio will be analysed again. Reload the page in a moment.")
    return redirect("admin:library_clip_change", pk)
