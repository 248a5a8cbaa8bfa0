"""Deleting clips and restoring them.

Deleting keeps the row, as the API does, so that plays stay counted and it can be undone: Django's
own way would refuse every clip that was played.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponse
from django.urls import reverse
from django.utils import timezone

from library import history
from library.admin.base import ModelAdmin
from library.admin.bulk.batches import Alter, Altered, change
from library.admin.bulk.confirmation import TEMPLATE, ask, counted
from library.admin.bulk.selection import Selection
from library.models import Clip, ClipQuerySet

FIELDS = ("deleted_at",)
SENTENCE = (
    "Nobody can list, hear or change a deleted clip. Its plays stay counted, and it can be"
    " restored: the filter “Deleted” finds it."
)


class Deletion(ModelAdmin[Clip]):
    """What deletes and restores clips; it is noted in their history."""

    delete_confirmation_template = TEMPLATE

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page that asks before one is deleted, and the deletion."""
        clip = self.get_object(request, object_id)
        asked = {
            "title": f"Are you sure you want to delete “{clip}”?",
            "sentence": SENTENCE,
            "button": "Delete",
            "back": reverse("admin:library_clip_change", args=[object_id]),
        }
        return super().delete_view(request, object_id, asked | (extra_context or {}))

    def get_deleted_objects(
        self, objs: Sequence[Clip] | QuerySet[Clip], request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[str], list[Any]]:
        """What goes with a clip that is deleted: nothing."""
        clips = [str(clip) for clip in objs]
        return clips, {"clips": len(clips)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Clip) -> None:
        """Delete one; Django has noted it."""
        Clip.objects.filter(pk=obj.pk).mark_deleted()

    @admin.action(description="Delete…", permissions=["delete"])
    def delete_selected(
        self, request: HttpRequest, queryset: QuerySet[Clip]
    ) -> HttpResponse | None:
        """Delete those that are selected, once that is confirmed."""
        selection = Selection(request, queryset)
        if "post" in request.POST:
            now = timezone.now()
            clips, write = selection.clips.not_deleted(), ClipQuerySet.mark_deleted
            alter = _sets_deleted_at(now)
            number = change(request.user, clips, FIELDS, alter, write, _note_deletions)
            self._tell(request, number, "deleted")
            return None
        return ask(
            self,
            request,
            title=f"Delete {counted(selection.count)}",
            sentence=SENTENCE,
            button="Delete",
            back=request.get_full_path(),
            clips=selection.first,
            others=selection.others,
            fields=selection.fields(),
        )

    @admin.action(description="Restore", permissions=["delete"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Clip]) -> None:
        """Undo the deletion of those that are selected."""
        clips, write = Selection(request, queryset).clips, ClipQuerySet.restore
        number = change(request.user, clips, FIELDS, _sets_deleted_at(None), write)
        self._tell(request, number, "restored")

    def _tell(self, request: HttpRequest, number: int, became: str) -> None:
        self.message_user(request, f"{counted(number)} {became}.", messages.SUCCESS)


def _sets_deleted_at(time: datetime | None) -> Alter:
    def alter(clip: Clip) -> None:
        clip.deleted_at = time

    return alter


def _note_deletions(user: history.Author, altered: Altered) -> None:
    history.note_deletions(user, (clip for _, clip in altered))
