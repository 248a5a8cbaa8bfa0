"""Changing the genre, tags, licence or creator of many clips, after a look at what will change."""

from dataclasses import dataclass, field

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from library import history
from library.admin.base import ModelAdmin
from library.admin.bulk.batches import altered_of, change, chunks
from library.admin.bulk.confirmation import counted
from library.admin.bulk.form import BulkForm, Edit
from library.admin.bulk.selection import Selection
from library.models import Clip, ClipQuerySet
from library.models.tag import MAX_TAGS

SHOWN = 20  # clips of each kind that the preview names
TEMPLATE = "library/admin/bulk_edit.html"


@dataclass
class Preview:
    """What an edit would do; of the first clips, what each value becomes."""

    changed: int = 0
    rows: list[tuple[Clip, list[tuple[str, str, str]]]] = field(default_factory=list)
    too_many: int = 0  # clips that would have more tags than a clip may
    too_many_rows: list[Clip] = field(default_factory=list)

    @classmethod
    def of(cls, edit: Edit, clips: ClipQuerySet) -> "Preview":
        """Look at each of the clips."""
        preview = cls()
        for chunk in chunks(clips, edit.fields):
            for before, clip in altered_of(chunk, edit.fields, edit.alter):
                preview.add(before, clip)
        return preview

    def add(self, before: history.Values, clip: Clip) -> None:
        """Take in a clip with its values before, and as it would become."""
        self.changed += 1
        if "tags" in before and len(clip.tags) > MAX_TAGS:
            self.too_many += 1
            if len(self.too_many_rows) < SHOWN:
                self.too_many_rows.append(clip)
        if len(self.rows) < SHOWN:
            found = history.differences(before, {name: getattr(clip, name) for name in before})
            told = [(history.label(name), old, new) for name, (old, new) in found.items()]
            self.rows.append((clip, told))

    @property
    def others(self) -> int:
        """How many would change too, and are not shown."""
        return self.changed - len(self.rows)


class BulkEdit(ModelAdmin[Clip]):
    """The list's action that edits: a form, a preview of what it would do, and the change."""

    @admin.action(description="Edit genre, tags, licence, creator…", permissions=["change"])
    def bulk_edit(self, request: HttpRequest, queryset: QuerySet[Clip]) -> HttpResponse | None:
        """Edit those that are selected, step by step."""
        selection = Selection(request, queryset)
        step = request.POST.get("step", "")
        form = BulkForm(request.POST if step else None)
        if step not in ("preview", "apply") or not form.is_valid():
            return self._page(request, selection, form)
        now, edit, version = timezone.now(), form.edit(), selection.version()
        preview = Preview.of(edit, selection.clips)
        if step == "apply" and not preview.too_many:
            if request.POST.get("version") == version:
                self._apply(request, selection.clips.filter(updated_at__lte=now), edit, preview)
                return None
            messages.warning(request, "These clips have changed since the preview: look again.")
        return self._page(request, selection, form, edit, preview, version)

    def _apply(
        self, request: HttpRequest, clips: ClipQuerySet, edit: Edit, preview: Preview
    ) -> None:
        number = change(request.user, clips, edit.fields, edit.alter, edit.write)
        text = f"{counted(number)} changed: {'; '.join(edit.describe())}."
        self.message_user(request, text, messages.SUCCESS if number else messages.INFO)
        if number < preview.changed:
            left = counted(preview.changed - number)
            messages.warning(request, f"{left} left out, which somebody else has just changed.")

    def _page(
        self,
        request: HttpRequest,
        selection: Selection,
        form: BulkForm,
        edit: Edit | None = None,
        preview: Preview | None = None,
        version: str = "",
    ) -> HttpResponse:
        """The form, or what an edit would do."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Edit {counted(selection.count)}",
            "media": self.media,
            "back": request.get_full_path(),
            "selection": selection,
            "form": form,
            "edit": edit,
            "preview": preview,
            "version": version,
            "most_tags": MAX_TAGS,
        }
        return TemplateResponse(request, TEMPLATE, context)
