"""Deleting and restoring clips.

A deleted clip keeps its row, as in the API, so that its plays stay counted and it can be restored.
Django's own deletion would refuse every clip that has plays.
"""

from datetime import datetime

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponse
from django.urls import reverse
from django.utils import timezone

from library import history
from library.admin.base import ModelAdmin
from library.admin.bulk.batches import Changed, SetFields, change_clips
from library.admin.bulk.confirmation import clip_count, confirmation_page
from library.admin.bulk.selection import Selection
from library.models import Clip, ClipQuerySet

FIELDS = ("deleted_at",)
DELETION = (
    "A deleted clip cannot be listed, played or changed. Its plays stay counted. To restore it,"
    " find it with the filter “Deleted”."
)


@admin.action(description="Delete…", permissions=["delete"])
def delete_selected(
    clip_admin: ModelAdmin[Clip], request: HttpRequest, queryset: QuerySet[Clip]
) -> HttpResponse | None:
    """Show the confirmation page, then delete the selected clips."""
    selection = Selection(request, queryset)
    if "post" not in request.POST:
        back = request.get_full_path()
        return confirmation_page(
            clip_admin, request, selection, verb="Delete", sentence=DELETION, back=back
        )
    clips, set_fields = selection.clips.not_deleted(), _set_deleted_at(timezone.now())
    number = change_clips(
        request.user, clips, FIELDS, set_fields, ClipQuerySet.mark_deleted, _note_deletions
    )
    messages.success(request, f"{clip_count(number)} deleted.")
    return None


@admin.action(description="Restore", permissions=["delete"])
def restore(clip_admin: ModelAdmin[Clip], request: HttpRequest, queryset: QuerySet[Clip]) -> None:
    """Undo the deletion of the selected clips."""
    clips, set_fields = Selection(request, queryset).clips, _set_deleted_at(None)
    number = change_clips(request.user, clips, FIELDS, set_fields, ClipQuerySet.restore)
    messages.success(request, f"{clip_count(number)} restored.")


def confirm_deletion(
    clip_admin: ModelAdmin[Clip], request: HttpRequest, clip: Clip
) -> HttpResponse:
    """Return the confirmation page for one clip; Django deletes it afterwards."""
    back = reverse("admin:library_clip_change", args=[clip.pk])
    return confirmation_page(clip_admin, request, clip, verb="Delete", sentence=DELETION, back=back)


def _set_deleted_at(time: datetime | None) -> SetFields:
    def set_fields(clip: Clip) -> None:
        clip.deleted_at = time

    return set_fields


def _note_deletions(user: history.Author, changed: Changed) -> None:
    history.note_deletions(user, (clip for _, clip in changed))
