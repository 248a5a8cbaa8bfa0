"""The export of clips: everything the list shows, or the selected clips."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.decorators import permission_required
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminRadioSelectWidget

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


@permission_required(EXPORT_PERMISSION, raise_exception=True)
def export(request: HttpRequest) -> HttpResponseBase:
    """Ask for the format, then send the clips of the list, as searched, filtered and sorted."""
    clip_admin = admin.site.get_model_admin(Clip)
    try:
        clips: QuerySet[Clip] = clip_admin.get_changelist_instance(request).queryset
    except IncorrectLookupParameters:  # the list explains what is wrong
        query = request.META.get("QUERY_STRING", "")
        return redirect(f"{reverse('admin:library_clip_changelist')}?{query}")
    form = ExportForm(request.POST or None)
    if form.is_valid():
        return streamed.response(request, clips, streamed.FORMATS[form.cleaned_data["format"]])
    count = clips.count()
    context = {
        **admin.site.each_context(request),
        "title": "Export clips",
        "opts": Clip._meta,
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
