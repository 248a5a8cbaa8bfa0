"""Shows editors who else has the clip open, and that it has changed."""

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
    """POST from an open page: `page` is its UUID, `version` and `entry` the state it shows.

    Return the other editors who have the clip open, and a sentence if it has changed. With
    `leave`, which a closing page sends, return nothing. With `used`, the editor has typed or
    clicked since the last request.
    """
    user = request.user
    if not isinstance(user, User) or not user.has_perm("library.change_clip"):
        raise PermissionDenied
    try:
        page, entry = UUID(request.POST["page"]), int(request.POST["entry"])
    except (KeyError, ValueError):
        return HttpResponse("Send `page` and `entry`.", status=400, content_type="text/plain")
    if "used" not in request.POST:
        request.session.modified = False  # an unused page does not keep its editor logged in
    if "leave" in request.POST:
        Presence.objects.leave(page, user)
        return HttpResponse(status=204)
    clip = get_object_or_404(Clip.objects.only("updated_at"), pk=pk)
    Presence.objects.announce(page, clip, user)
    others = [
        {
            "name": other.user.get_full_name() or other.user.get_username(),
            "you": other.user_id == user.pk,
            "since": other.since.isoformat(),
        }
        for other in Presence.objects.beside(page, clip)
    ]
    changed = clip.updated_at.isoformat() != request.POST.get("version")
    return JsonResponse(
        {"others": others, "changed": describe_changes(clip, entry, [])[1] if changed else ""}
    )
