"""Exporting clips: those that the list shows, or those selected in it."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from import_export.admin import ExportMixin
from unfold.widgets import UnfoldAdminRadioSelectWidget

from library.admin.exchange import streamed
from library.models import Clip

if TYPE_CHECKING:  # import-export has no types; its classes are mixed into an admin of clips
    _Base = admin.ModelAdmin[Clip]
else:
    _Base = ExportMixin


class ExportForm(forms.Form):
    """What kind of file it is to be."""

    format = forms.ChoiceField(
        choices=[(key, known.name) for key, known in streamed.FORMATS.items()],
        initial="csv",
        widget=UnfoldAdminRadioSelectWidget,
    )


class ExportPages(_Base):
    """The export of clips as CSV or JSON.

    import-export says which clips the list shows; its own way of writing them keeps all of the
    file in memory, several times over.
    """

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Editors and analysts."""
        return request.user.has_perm("library.export_clip")

    def get_actions(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The list's actions, and the export of what is selected."""
        actions: dict[str, Any] = super().get_actions(request, *args, **kwargs)
        if self.has_export_permission(request):
            for action in (export_selected_as_csv, export_selected_as_json):
                name = action.__name__
                actions[name] = (action, name, action.short_description)  # type: ignore[attr-defined]
        return actions

    def export_action(self, request: HttpRequest) -> HttpResponseBase:
        """The page that asks for the format, and the file."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        try:
            clips: QuerySet[Clip] = self.get_export_queryset(request)  # type: ignore[attr-defined]
        except IncorrectLookupParameters:  # the list itself knows what to say of it
            query = request.META.get("QUERY_STRING", "")
            return redirect(f"{reverse('admin:library_clip_changelist')}?{query}")
        form = ExportForm(request.POST or None)
        if form.is_valid():
            return streamed.response(request, clips, streamed.FORMATS[form.cleaned_data["format"]])
        count = clips.count()
        context = {
            **self.admin_site.each_context(request),
            "title": "Export clips",
            "opts": self.opts,
            "form": form,
            "count": count,
            "shown_count": f"{count:,}",
            "filtered": bool(request.GET),
        }
        return TemplateResponse(request, "library/admin/exchange/export.html", context)


@admin.action(description="Export selected clips as CSV", permissions=["export"])
def export_selected_as_csv(
    modeladmin: Any, request: HttpRequest, queryset: QuerySet[Clip]
) -> HttpResponseBase:
    """The clips as CSV; the selection may be all that the list shows on all its pages."""
    return streamed.response(request, queryset, streamed.FORMATS["csv"])


@admin.action(description="Export selected clips as JSON", permissions=["export"])
def export_selected_as_json(
    modeladmin: Any, request: HttpRequest, queryset: QuerySet[Clip]
) -> HttpResponseBase:
    """The clips as JSON."""
    return streamed.response(request, queryset, streamed.FORMATS["json"])
