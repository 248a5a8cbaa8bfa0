"""Editors see who else has the clip open, and that it has changed."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from library.admin.clips.edit_conflicts import describe_changes
from library.models import Clip, Presence


@require_POST
def presence(request: HttpRequest, pk: int) -> HttpResponseBase:
    """POST from an open page: `page` is its UUID, `version` and `entry` what it showed.

    Answers who else has the clip open, and a sentence if somebody has changed it. With `leave`, as
    the page closes, nothing. With `used`, somebody has typed or clicked there since.
    """
    user = request.user
    if not isinstance(user, User) or not user.has_perm("library.change_clip"):
        raise PermissionDenied
    try:
        page, entry = UUID(request.POST["page"]), int(request.POST["entry"])
    except (KeyError, ValueError):
        return HttpResponse("Send `page` and `entry`.", status=400, content_type="text/plain")
    if "used" not in request.POST:
        request.session.modified = False  # a page that lies open keeps nobody logged in
    if "leave" in request.POST:
        Presence.objects.leave(page, user)
        return HttpResponse(status=204)
    clip = get_object_or_404(Clip.objects.only("updated_at"), pk=pk)
    Presence.objects.announce(page, clip, user)
    others = [_told(other, user) for other in Presence.objects.beside(page, clip)]
    changed = clip.updated_at.isoformat() != request.POST.get("version")
    return JsonResponse(
        {"others": others, "changed": describe_changes(clip, entry, [])[1] if changed else ""}
    )


def _told(other: Presence, user: User) -> dict[str, Any]:
    return {
        "name": other.user.get_full_name() or other.user.get_username(),
        "you": other.user_id == user.pk,
        "since": other.since.isoformat(),
    }
