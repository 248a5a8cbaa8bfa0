"""The pages of clips: their URLs, columns, filters, actions and form, and where each is defined."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ERROR_FLAG, ORDER_VAR, ChangeList
from django.db.models import QuerySet
from django.forms import Script
from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from library import history
from library.admin.base import Deletion, ModelAdmin
from library.admin.bulk import analyses, deletion, edit, states
from library.admin.clips import (
    audio_views,
    columns,
    credit_filters,
    duplicates,
    filters,
    ordering,
    preview,
    sound,
    time_filters,
)
from library.admin.clips.changelist import ClipChangeList, search
from library.admin.clips.edit_conflicts import presence
from library.admin.clips.form import FIELDS, ClipForm, fieldsets
from library.admin.clips.page import history_context, json_result, page_context, save_clip
from library.admin.exchange import export_page, import_pages
from library.admin.suggestions import words
from library.models import Clip
from library.search.language import OnlyExcludedError


@admin.register(Clip)
class ClipAdmin(ModelAdmin[Clip]):
    """The list of clips, and the page of each."""

    # The list
    change_list_template = "library/admin/clips/change_list.html"
    list_before_template = "library/admin/clips/_active_filters.html"
    list_display = (
        columns.heading,
        columns.listen,
        columns.shown_genre,
        columns.shown_length,
        columns.plays,
        columns.recent_plays,
        columns.source,
        columns.shown_state,
    )
    list_filter = (
        filters.GenreFilter,
        filters.TagFilter,
        credit_filters.CreatorFilter,
        credit_filters.LicenceFilter,
        credit_filters.CommercialUseFilter,
        credit_filters.DerivativesFilter,
        filters.HealthFilter,
        filters.SourceFilter,
        filters.AudioFilter,
        filters.StateFilter,
        time_filters.CreatedAfterFilter,
        time_filters.CreatedBeforeFilter,
        time_filters.UpdatedSinceFilter,
        filters.DuplicatesFilter,
        filters.DeletedFilter,
    )
    list_filter_submit = True
    list_per_page = 50
    search_fields = ("search_vector",)  # see get_search_results
    search_help_text = "Title, tag, creator, ISRC, number or a part of a URL"
    show_facets = admin.ShowFacets.NEVER  # they would count all clips for each choice
    show_full_result_count = False
    actions = (
        edit.bulk_edit,
        states.publish,
        states.make_draft,
        states.withdraw,
        analyses.analyse_again,
        deletion.delete_selected,
        deletion.restore,
        export_page.export_selected_as_csv,
        export_page.export_selected_as_json,
    )

    # The page of a clip
    change_form_template = "library/admin/clips/change_form.html"
    object_history_template = "library/admin/clips/history.html"
    form = ClipForm
    fieldsets = fieldsets()
    warn_unsaved_form = True
    actions_detail = ("withdraw_this",)
    actions_submit_line = ("save_and_publish", "save_and_make_draft")
    # The theme finds the functions of these buttons by their names in this class.
    withdraw_this = states.withdraw_this
    save_and_publish = states.save_and_publish
    save_and_make_draft = states.save_and_make_draft

    class Media:
        js = (
            Script("library/admin/player.js", type="module"),
            Script("library/admin/clips/list.js", type="module"),
        )

    def get_urls(self) -> list[URLPattern]:
        views: list[tuple[str, Any, str]] = [
            ("<int:pk>/audio", audio_views.clip_audio, "audio"),
            ("<int:pk>/preview", preview.stored_preview, "preview"),
            ("<int:pk>/try-preview", preview.try_preview, "try_preview"),
            ("<int:pk>/waveform", audio_views.clip_waveform, "waveform"),
            ("<int:pk>/duplicates/", duplicates.compare, "duplicates"),
            ("<int:pk>/presence/", presence, "presence"),
            ("<int:pk>/duration/", sound.set_measured_duration, "duration"),
            ("<int:pk>/analyse/", sound.analyse_again, "analyse"),
            ("check-source/", audio_views.check_source, "check_source"),
            ("check-file/", audio_views.check_file, "check_file"),
            ("listen/", audio_views.listen_to_source, "listen"),
            ("words", words, "words"),
            ("export/", export_page.export, "export"),
            ("import/", import_pages.choose, "import"),
            ("import/template.<str:kind>", import_pages.send_template, "import_template"),
            ("import/<uuid:pk>/", import_pages.preview, "import_preview"),
            ("process_import/", import_pages.process, "process_import"),
        ]
        return [
            *(
                path(route, self.admin_site.admin_view(view), name=f"library_clip_{name}")
                for route, view, name in views
            ),
            *super().get_urls(),  # Django's own, and the page of withdraw_this
        ]

    def has_import_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms(import_pages.IMPORT_PERMISSIONS)

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(export_page.EXPORT_PERMISSION)

    # The list

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return ClipChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, and remember its order if the request chooses one."""
        ticked = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if not all(number.isascii() and number.isdecimal() for number in ticked):
            messages.warning(
                request, "Nothing was changed: the selection is invalid. Select the clips again."
            )
            return HttpResponseRedirect(request.get_full_path())
        if ERROR_FLAG in request.GET:
            messages.warning(
                request, "The list has no such filter, or the filter no such value: no clips shown."
            )
        context = {
            "may_import": self.has_import_permission(request),
            "may_export": self.has_export_permission(request),
        }
        response = super().changelist_view(request, context | (extra_context or {}))
        if ORDER_VAR in request.GET:
            order = request.GET[ORDER_VAR] or ordering.DEFAULT
            ordering.remember_order(request, response, order)
        return response

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Clip], search_term: str
    ) -> tuple[QuerySet[Clip], bool]:
        """Use the full-text search of the API, since LIKE would read every clip."""
        try:
            return (search(queryset, search_term) if search_term.strip() else queryset), False
        except OnlyExcludedError as error:
            messages.warning(request, error.sentence)
            return queryset.none(), False

    def get_actions(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Offer only “Restore” in the list of deleted clips, and all other actions elsewhere."""
        actions = super().get_actions(request, *args, **kwargs)
        deleted = request.GET.get("deleted") == "yes"
        return {name: action for name, action in actions.items() if (name == "restore") == deleted}

    # The page of a clip

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Answer the browser with a page, and the page's script with JSON."""
        response = super().changeform_view(request, object_id, form_url, extra_context)
        if request.method == "POST" and request.headers.get("Accept") == "application/json":
            return json_result(response)
        return response

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        clip: Clip | None = context.get("original")
        may_write = (
            self.has_change_permission(request, clip) if clip else self.has_add_permission(request)
        )
        context |= page_context(request, clip, may_write=may_write)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_form(
        self, request: HttpRequest, obj: Clip | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[Clip]]:
        """Leave out the help texts if the fields cannot be edited."""
        if obj is not None and not self.has_change_permission(request, obj):
            kwargs["help_texts"] = dict.fromkeys(FIELDS, "")
        return super().get_form(request, obj, change, **kwargs)

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        buttons = super().get_actions_detail(request, object_id)
        return states.buttons_for(self.get_object(request, object_id), buttons)

    def get_actions_submit_line(self, request: HttpRequest, object_id: str) -> list[Any]:
        buttons = super().get_actions_submit_line(request, object_id)
        return states.buttons_for(self.get_object(request, object_id), buttons)

    def save_model(self, request: HttpRequest, obj: Clip, form: ClipForm, change: bool) -> None:
        """Save the clip, then run the action of the pressed button, such as publishing."""
        save_clip(request, obj, form, change)
        for button in self.get_actions_submit_line(request, str(obj.pk)):
            if button.action_name in request.POST:
                button.method(request, obj)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, Any]]:
        """Note the values of a change as well as the names of the fields."""
        if add:
            return super().construct_change_message(request, form, formsets, add)
        return history.change_message(form.before, history.values_of(form.instance))

    def log_change(self, request: HttpRequest, obj: Clip, message: Any) -> Any:
        """Write no log entry if nothing changed."""
        return super().log_change(request, obj, message) if message else None

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().history_view(request, object_id, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data is not None:
            clip, number = response.context_data["object"], request.GET.get("p", "1")
            response.context_data |= history_context(clip, number)
        return response

    # The deletion of one clip

    def render_delete_form(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        return deletion.confirm_deletion(self, request, context["object"])

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Deletion:
        """Let every clip be deleted: its plays and all other rows that refer to it stay."""
        clips = [str(clip) for clip in objs]
        return clips, {"clips": len(clips)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Clip) -> None:
        Clip.objects.filter(pk=obj.pk).mark_deleted()
