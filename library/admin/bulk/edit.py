"""Editing the genre, tags, licence and creator of many clips: a form, a preview, the change."""

from dataclasses import dataclass, field

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from library import history
from library.admin.base import ModelAdmin
from library.admin.bulk.batches import change_clips, set_in_memory
from library.admin.bulk.confirmation import clip_count
from library.admin.bulk.form import BulkForm, Edit
from library.admin.bulk.selection import Selection
from library.models import Clip, ClipQuerySet
from library.models.tag import MAX_TAGS

CHUNK = 1000  # clips in memory at once
SHOWN = 20  # clips of each kind named in the preview
TEMPLATE = "library/admin/bulk/edit.html"


@dataclass
class Preview:
    """The effect of an edit: how many clips change, and the values of the first ones."""

    changed: int = 0
    rows: list[tuple[Clip, list[tuple[str, str, str]]]] = field(default_factory=list)
    too_many: int = 0  # clips that would have more tags than the limit
    too_many_rows: list[Clip] = field(default_factory=list)

    @classmethod
    def of(cls, edit: Edit, clips: ClipQuerySet) -> "Preview":
        preview = cls()
        every = clips.order_by("pk").only("title", *edit.fields).iterator(CHUNK)
        for before, clip in set_in_memory(every, edit.fields, edit.alter):
            preview.changed += 1
            if "tags" in before and len(clip.tags) > MAX_TAGS:
                preview.too_many += 1
                if preview.too_many <= SHOWN:
                    preview.too_many_rows.append(clip)
            if preview.changed <= SHOWN:
                values = history.differences(before, {name: getattr(clip, name) for name in before})
                labelled = [(history.label(name), old, new) for name, (old, new) in values.items()]
                preview.rows.append((clip, labelled))
        return preview

    @property
    def others(self) -> int:
        return self.changed - len(self.rows)


@admin.action(description="Edit genre, tags, licence, creator…", permissions=["change"])
def bulk_edit(
    clip_admin: ModelAdmin[Clip], request: HttpRequest, queryset: QuerySet[Clip]
) -> HttpResponse | None:
    """Show the form, then the preview, then edit the selected clips and return to the list."""
    selection = Selection(request, queryset)
    step = request.POST.get("step", "")
    form = BulkForm(request.POST if step else None)
    context = {
        **clip_admin.admin_site.each_context(request),
        "opts": clip_admin.opts,
        "title": f"Edit {clip_count(selection.count)}",
        "media": clip_admin.media,
        "back": request.get_full_path(),
        "selection": selection,
        "form": form,
        "edit": None,
        "preview": None,
    }
    if step in ("preview", "apply") and form.is_valid():
        now, edit, version = timezone.now(), form.edit(), selection.version()
        preview = Preview.of(edit, selection.clips)
        if step == "apply" and not preview.too_many:
            if request.POST.get("version") == version:
                # A clip that was changed after the preview above is left out.
                unchanged = selection.clips.filter(updated_at__lte=now)
                number = change_clips(request.user, unchanged, edit.fields, edit.alter, edit.write)
                _show_result(request, edit, number, preview.changed - number)
                return None
            messages.warning(
                request, "These clips have changed since the preview. Check the new preview."
            )
        context |= {"edit": edit, "preview": preview, "version": version, "most_tags": MAX_TAGS}
    return TemplateResponse(request, TEMPLATE, context)


def _show_result(request: HttpRequest, edit: Edit, number: int, left_out: int) -> None:
    show = messages.success if number else messages.info
    show(request, f"{clip_count(number)} changed: {'; '.join(edit.describe())}.")
    if left_out > 0:
        messages.warning(request, f"{clip_count(left_out)} left out: just changed by another user.")
