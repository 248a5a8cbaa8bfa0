"""The page that compares a clip with its duplicates, and lets an editor withdraw one of them."""

from itertools import groupby
from typing import NamedTuple

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse

from library import history
from library.admin.base import any_permission_required
from library.admin.bulk.states import ReasonForm, set_state
from library.analyses import duplicates
from library.analyses.same_audio import Found
from library.models import Clip, DuplicateKind, State

TEMPLATE = "library/admin/clips/duplicates.html"


class Known(NamedTuple):
    """A clip with the same audio, and why it is held for that."""

    clip: Clip
    reason: str  # such as “the same URL”


def known_duplicates(clip: Clip) -> list[Known]:
    """Return the duplicates of a clip that no editor has dismissed, by id."""
    found = duplicates.of_clips([clip.pk]).get(clip.pk, [])
    others = Clip.objects.in_bulk({each.id for each in found})
    known = []
    for other, reasons in groupby(found, key=lambda each: each.id):
        names = [_reason(each) for each in reasons]
        if other in others:
            known.append(Known(others[other], " and ".join(names)))
    return known


@any_permission_required("library.view_clip", "library.change_clip")
def compare(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a clip and its duplicates. POST `dismiss` or `withdraw` with the id of a clip.

    Withdrawing needs a `reason`. The clip must be this one or one of its duplicates.
    """
    clip = get_object_or_404(Clip.objects.not_deleted(), pk=pk)
    known = known_duplicates(clip)
    may_change = request.user.has_perm("library.change_clip")
    form = ReasonForm()
    if request.method == "POST":
        if not may_change:
            raise PermissionDenied
        form = ReasonForm(request.POST)
        if _change(request, clip, known, form):
            return HttpResponseRedirect(reverse("admin:library_clip_duplicates", args=[pk]))
    context = {
        **admin.site.each_context(request),
        "title": f"Duplicates of “{clip}”",
        "clip": clip,
        "known": known,
        "may_change": may_change,
        "form": form,
        "withdrawing": request.POST.get("withdraw", ""),
        "withdrawn": State.WITHDRAWN,
    }
    return TemplateResponse(request, TEMPLATE, context)


def _change(request: HttpRequest, clip: Clip, known: list[Known], form: ReasonForm) -> bool:
    """Do what the editor asks for. Return False if the form has errors."""
    clips = {str(each.pk): each for each in (clip, *(other.clip for other in known))}
    if other := clips.get(request.POST.get("dismiss", "")):
        if duplicates.dismiss(clip.pk, other.pk):
            history.note(request.user, clip, f"Marked as no duplicate of clip {other.pk}.")
            messages.success(request, f"“{other}” is no longer shown as a duplicate.")
        return True
    if chosen := clips.get(request.POST.get("withdraw", "")):
        if not form.is_valid():
            return False
        reason = form.cleaned_data["reason"]
        set_state(request, Clip.objects.filter(pk=chosen.pk), State.WITHDRAWN, reason)
        return True
    messages.warning(request, "Nothing was changed: this pair is no longer listed.")
    return True


def _reason(found: Found) -> str:
    label = DuplicateKind(found.kind).label
    return f"{label}, {found.score:.0%}" if found.kind == DuplicateKind.SOUND else label
