"""The page on which a clip is written: its fields in an editor's order, facts, history, others."""

import uuid
from functools import partial
from typing import Any, cast

from django.contrib import messages
from django.contrib.admin.models import ADDITION
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from library import history
from library.admin.base import ModelAdmin
from library.admin.clips.audio_checks import check_file, check_source, listen_to_source
from library.admin.clips.form import ClipForm, fieldsets
from library.admin.clips.history_page import page_of_changes, told
from library.admin.clips.presence import presence
from library.admin.clips.uploaded_file import told_size
from library.audio.errors import CAUSES
from library.models import Clip
from library.sources import uploads


class ClipPage(ModelAdmin[Clip]):
    """What the clips' admin shows of one clip."""

    form = ClipForm
    fieldsets = fieldsets()
    warn_unsaved_form = True

    def get_urls(self) -> list[URLPattern]:
        """What the page asks for while it is open, before the admin's own paths."""
        guard = self.admin_site.admin_view
        return [
            path("check-source/", guard(check_source), name="library_clip_check_source"),
            path("check-file/", guard(check_file), name="library_clip_check_file"),
            path("listen/", guard(listen_to_source), name="library_clip_listen"),
            path("<int:pk>/presence/", guard(presence), name="library_clip_presence"),
            *super().get_urls(),
        ]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page; to its script, which asks for JSON, what came of saving.

        So the page stays as it is when something is wrong, and the file that was chosen with it,
        which no browser lets a page choose again.
        """
        response: Any = super().changeform_view(request, object_id, form_url, extra_context)
        if request.method != "POST" or request.headers.get("Accept") != "application/json":
            return cast("HttpResponse", response)
        if isinstance(response, HttpResponseRedirect):
            return JsonResponse({"location": response.url})
        form = response.context_data["adminform"].form
        errors = {name: list(sentences) for name, sentences in form.errors.items()}
        return JsonResponse({"errors": errors, "values": form.renewed}, status=422)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The page, with the facts about the clip."""
        clip: Clip | None = context.get("original")
        context["may_write"] = (
            self.has_change_permission(request, clip) if clip else self.has_add_permission(request)
        )
        context["told_size"] = told_size(clip.size_bytes) if clip and clip.size_bytes else ""
        code = (clip and clip.health_reason) or ""
        context["told_failure"] = CAUSES[code].sentence if code in CAUSES else code
        context["page_id"] = uuid.uuid4()
        context["file_was_lost"] = bool(request.FILES)
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Who changed the clip, newest first."""
        response = super().history_view(request, object_id, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data is not None:
            clip = response.context_data["object"]
            page = page_of_changes(clip, request.GET.get("p", "1"))
            changes = [told(entry) for entry in page]
            response.context_data |= {
                "title": f"History of “{clip}”",
                "page": page,
                "changes": changes,
                "added_unsigned": not page.has_next()
                and not any(entry.action_flag == ADDITION for entry in page),
            }
        return response

    def save_model(self, request: HttpRequest, obj: Clip, form: Any, change: bool) -> None:
        """Save what was written, of a change no field beside: others may be at those."""
        if not change:
            obj.save()
        elif form.changes:
            obj.save(update_fields=form.written)
        before = form.before["audio_file"].name
        if before and before != obj.audio_file.name:
            transaction.on_commit(partial(uploads.delete_if_unused, before))
        if form.duration_in_doubt:
            messages.warning(
                request,
                f"The file is {form.measured:g} seconds long, but the duration of “{obj}” "
                f"says {obj.duration:g}.",
            )

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, Any]]:
        """What the log tells of a change: the values too."""
        if add:
            return super().construct_change_message(request, form, formsets, add)
        return history.change_message(form.before, history.values_of(form.instance))

    def log_change(self, request: HttpRequest, obj: Clip, message: Any) -> Any:
        """Note a change, if it is one."""
        return super().log_change(request, obj, message) if message else None
