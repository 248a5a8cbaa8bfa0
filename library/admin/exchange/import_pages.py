"""Importing clips: a file is chosen, looked at row by row, and confirmed."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from import_export.admin import ImportMixin
from import_export.results import Result
from unfold.widgets import UnfoldAdminRadioSelectWidget

from library.admin.exchange import files
from library.admin.exchange.columns import to_text
from library.admin.exchange.preview import Preview
from library.admin.exchange.resource import ClipResource, fingerprint
from library.admin.exchange.writing import ChangedMeanwhileError
from library.models import Clip, PendingImport, State

if TYPE_CHECKING:  # import-export has no types; its classes are mixed into an admin of clips
    _Base = admin.ModelAdmin[Clip]
else:
    _Base = ImportMixin

NEEDED = ("library.import_clip", "library.add_clip", "library.change_clip")


class ImportForm(forms.Form):
    """A file, and what becomes of the new clips in it."""

    file = forms.FileField(
        max_length=255,
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.json", "class": "exchange-drop"}),
    )
    state = forms.ChoiceField(
        label="New clips are",
        choices=[
            (State.DRAFT, "drafts: to be heard here, and published when they are right"),
            (State.PUBLISHED, "published at once"),
        ],
        initial=State.DRAFT,
        widget=UnfoldAdminRadioSelectWidget,
    )

    def clean_file(self) -> Any:
        """The file, if it can be read; its bytes are in `data_read`."""
        file = self.cleaned_data["file"]
        self.data_read = file.read(files.MOST_BYTES + 1)
        try:
            files.read(self.data_read, file.name)
        except files.UnreadableFileError as error:
            raise forms.ValidationError(str(error)) from None
        return file


class ConfirmForm(forms.Form):
    """Which file is meant, what its preview showed, and when."""

    pending = forms.UUIDField(widget=forms.HiddenInput)
    seen = forms.CharField(widget=forms.HiddenInput)
    since = forms.CharField(widget=forms.HiddenInput)


class ImportPages(_Base):
    """The import of clips from CSV or JSON, with a preview of what would change."""

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Who may do by hand what an import does."""
        return request.user.has_perms(NEEDED)

    def get_urls(self) -> list[URLPattern]:
        """import-export's paths, and the preview's."""
        view = self.admin_site.admin_view(self.import_preview)
        return [
            path("import/<uuid:pk>/", view, name="library_clip_import_preview"),
            *super().get_urls(),
        ]

    def import_action(self, request: HttpRequest) -> HttpResponseBase:
        """The page on which a file is chosen."""
        self._demand_import_permission(request)
        form = ImportForm(request.POST or None, request.FILES or None)
        if form.is_valid():
            PendingImport.objects.forget_old()
            user: Any = request.user  # who has a permission is somebody
            pending = PendingImport.objects.create(
                user=user,
                name=form.cleaned_data["file"].name,
                data=form.data_read,
                state=form.cleaned_data["state"],
            )
            return redirect("admin:library_clip_import_preview", pending.pk)
        context = {"title": "Import clips", "form": form}
        return self._import_page(request, "import", context)

    def import_preview(self, request: HttpRequest, pk: UUID) -> HttpResponseBase:
        """The page that tells what would change, row by row."""
        self._demand_import_permission(request)
        pending = _waiting(request, pk).first()
        if pending is None:
            return _gone(request)
        since = to_text(timezone.now())
        rows = files.read(bytes(pending.data), pending.name)
        result: Result = ClipResource(pending.state).import_data(rows, dry_run=True)
        preview = Preview(result, rows, request.GET)
        confirmation = {"pending": pending.pk, "seen": fingerprint(result), "since": since}
        context = {
            "title": "Import clips",
            "pending": pending,
            "preview": preview,
            "form": ConfirmForm(initial=confirmation, auto_id=False),
        }
        return self._import_page(request, "preview", context)

    def process_import(self, request: HttpRequest) -> HttpResponseBase:
        """Carry out what was seen, or forget the file."""
        self._demand_import_permission(request)
        form = ConfirmForm(request.POST)
        if not form.is_valid():
            return _gone(request)
        if "cancel" in request.POST:
            _waiting(request, form.cleaned_data["pending"]).delete()
            return redirect("admin:library_clip_import")
        try:
            return _carry_out(request, **form.cleaned_data)
        except ChangedMeanwhileError:
            messages.warning(
                request,
                "Nothing was imported: clips of this file were changed since you looked at it. "
                "This is what it would change now.",
            )
            url = reverse("admin:library_clip_import_preview", args=[form.cleaned_data["pending"]])
            return redirect(f"{url}?{urlencode({'since': form.cleaned_data['since']})}")

    def _demand_import_permission(self, request: HttpRequest) -> None:
        if not self.has_import_permission(request):
            raise PermissionDenied

    def _import_page(
        self, request: HttpRequest, name: str, context: dict[str, Any]
    ) -> HttpResponseBase:
        everywhere = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(
            request, f"library/admin/exchange/{name}.html", everywhere | context
        )


@transaction.atomic
def _carry_out(request: HttpRequest, pending: UUID, seen: str, **_: Any) -> HttpResponseBase:
    """Import the file once: who clicks twice waits here, and finds it gone."""
    waiting = _waiting(request, pending).select_for_update().first()
    if waiting is None:
        return _gone(request)
    rows = files.read(bytes(waiting.data), waiting.name)
    waiting.delete()  # what is changed last is locked for the shortest time
    result: Result = ClipResource(waiting.state).import_data(
        rows, dry_run=False, seen=seen, user=request.user
    )
    added, changed = result.totals["new"], result.totals["update"]
    messages.success(request, f"Imported {waiting.name}: {added:,} added, {changed:,} changed.")
    # What is new is heard next, and then published.
    drafts = any(row.instance.state == State.DRAFT for row in result if row.import_type == "new")
    clips = reverse("admin:library_clip_changelist")
    return redirect(f"{clips}?state=draft" if drafts else clips)


def _waiting(request: HttpRequest, pk: UUID) -> QuerySet[PendingImport]:
    """The user's own file."""
    return PendingImport.objects.waiting().filter(user=request.user.pk or 0, pk=pk)


def _gone(request: HttpRequest) -> HttpResponseBase:
    messages.warning(
        request,
        "This import is done, cancelled or older than a day. Choose its file again if need be.",
    )
    return redirect("admin:library_clip_import")
