"""The export of clips: everything the list shows, or the selected clips."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminRadioSelectWidget

from library.admin.base import ModelAdmin
from library.admin.exchange import streamed
from library.models import Clip

EXPORT_PERMISSION = "library.export_clip"


class ExportForm(forms.Form):
    """The format of the file."""

    format = forms.ChoiceField(
        choices=[(key, known.name) for key, known in streamed.FORMATS.items()],
        initial="csv",
        widget=UnfoldAdminRadioSelectWidget,
    )


class ExportPage:
    """The page that exports the clips of the list, as it is searched, filtered and sorted."""

    def __init__(self, clip_admin: ModelAdmin[Clip]) -> None:
        self._admin = clip_admin

    @property
    def urls(self) -> list[URLPattern]:
        """The page's path."""
        view = self._admin.admin_site.admin_view(self.export)
        return [path("export/", view, name="library_clip_export")]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for the format, then send the file."""
        if not request.user.has_perm(EXPORT_PERMISSION):
            raise PermissionDenied
        try:
            clips: QuerySet[Clip] = self._admin.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:  # the list explains what is wrong
            query = request.META.get("QUERY_STRING", "")
            return redirect(f"{reverse('admin:library_clip_changelist')}?{query}")
        form = ExportForm(request.POST or None)
        if form.is_valid():
            return streamed.response(request, clips, streamed.FORMATS[form.cleaned_data["format"]])
        count = clips.count()
        context = {
            **self._admin.admin_site.each_context(request),
            "title": "Export clips",
            "opts": self._admin.opts,
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
    """Send the selected clips, or all of the list, as CSV."""
    return streamed.response(request, queryset, streamed.FORMATS["csv"])


@admin.action(description="Export selected clips as JSON", permissions=["export"])
def export_selected_as_json(
    modeladmin: Any, request: HttpRequest, queryset: QuerySet[Clip]
) -> HttpResponseBase:
    """Send the selected clips, or all of the list, as JSON."""
    return streamed.response(request, queryset, streamed.FORMATS["json"])
