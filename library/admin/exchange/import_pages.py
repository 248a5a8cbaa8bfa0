"""The import of clips: choose a file, look at its preview, confirm."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from unfold.widgets import UnfoldAdminRadioSelectWidget

from library.admin.exchange import columns, files, streamed
from library.admin.exchange.plan import Kind, Plan
from library.admin.exchange.preview import Preview
from library.admin.exchange.writing import StalePlanError
from library.cells import to_text
from library.models import Clip, PendingImport, State
from library.models.transactions import allow_idle

PLANNING = 60.0  # seconds to read the file and plan; no clip is locked yet
# An import adds and changes clips, so it needs the permissions for both.
IMPORT_PERMISSIONS = ("library.import_clip", "library.add_clip", "library.change_clip")
_for_importers = permission_required(IMPORT_PERMISSIONS, raise_exception=True)


class ImportForm(forms.Form):
    """A file, and the state of the new clips in it."""

    file = forms.FileField(
        max_length=255,
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.json", "class": "exchange-drop"}),
    )
    state = forms.ChoiceField(
        label="New clips are",
        choices=[
            (State.DRAFT, "drafts: listen to them here, then publish them"),
            (State.PUBLISHED, "published at once"),
        ],
        initial=State.DRAFT,
        widget=UnfoldAdminRadioSelectWidget,
    )

    def clean_file(self) -> Any:
        """Return the file if it can be read; its content is in `content`."""
        file = self.cleaned_data["file"]
        self.content = file.read(files.MAX_BYTES + 1)
        try:
            files.read(self.content, file.name)
        except files.UnreadableFileError as error:
            raise forms.ValidationError(str(error)) from None
        return file


class ConfirmForm(forms.Form):
    """The pending file, the fingerprint of its preview, and the preview's time."""

    pending = forms.UUIDField(widget=forms.HiddenInput)
    seen = forms.CharField(widget=forms.HiddenInput)
    since = forms.CharField(widget=forms.HiddenInput)


@_for_importers
def choose(request: HttpRequest) -> HttpResponseBase:
    """Ask for a file and store it until its import is confirmed."""
    form = ImportForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        PendingImport.objects.forget_old()
        user: Any = request.user  # not anonymous: it has permissions
        pending = PendingImport.objects.create(
            user=user,
            name=form.cleaned_data["file"].name,
            data=form.content,
            state=form.cleaned_data["state"],
        )
        return redirect("admin:library_clip_import_preview", pending.pk)
    return _page(request, "import", {"form": form, "columns": columns.described_columns()})


@_for_importers
def send_template(request: HttpRequest, kind: str) -> HttpResponseBase:
    """Send an example of a file to import. Raises Http404."""
    if kind not in ("csv", "json"):
        raise Http404
    return streamed.download(
        "clips-template", [[columns.EXAMPLES]], columns.TEMPLATE_COLUMNS, streamed.FORMATS[kind]
    )


@_for_importers
def preview(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """Show what the import would change, row by row."""
    pending = _pending(request, pk).first()
    if pending is None:
        return _expired(request)
    since = to_text(timezone.now())
    file = files.read(bytes(pending.data), pending.name)
    plan = Plan(file.rows, pending.state)
    confirmation = {"pending": pending.pk, "seen": plan.fingerprint(), "since": since}
    context = {
        "pending": pending,
        "preview": Preview(plan, file, request.GET),
        "form": ConfirmForm(initial=confirmation, auto_id=False),
    }
    return _page(request, "preview", context)


@_for_importers
def process(request: HttpRequest) -> HttpResponseBase:
    """Carry out the import that the preview showed, or cancel it."""
    form = ConfirmForm(request.POST)
    if not form.is_valid():
        return _expired(request)
    pk = form.cleaned_data["pending"]
    if "cancel" in request.POST:
        _pending(request, pk).delete()
        return redirect("admin:library_clip_import")
    try:
        return _carry_out(request, pk, form.cleaned_data["seen"])
    except StalePlanError:
        messages.warning(
            request,
            "Nothing was imported: clips in this file have changed since its preview. "
            "Check the new preview below, then confirm it.",
        )
        url = reverse("admin:library_clip_import_preview", args=[pk])
        return redirect(f"{url}?{urlencode({'since': form.cleaned_data['since']})}")


@transaction.atomic
def _carry_out(request: HttpRequest, pk: UUID, seen: str) -> HttpResponseBase:
    """Import the file once: the second of two clicks waits for the lock, then finds it gone."""
    allow_idle(PLANNING)
    pending = _pending(request, pk).select_for_update().first()
    if pending is None:
        return _expired(request)
    plan = Plan(files.read(bytes(pending.data), pending.name).rows, pending.state)
    if plan.of_kind(Kind.INVALID) or plan.fingerprint() != seen:
        raise StalePlanError
    pending.delete()  # before the clips, which stay locked for the shortest time
    plan.carry_out(request.user)
    added, changed = plan.of_kind(Kind.NEW), plan.of_kind(Kind.UPDATE)
    messages.success(
        request, f"Imported {pending.name}: {len(added):,} added, {len(changed):,} changed."
    )
    # The editor's next step is to listen to new drafts and publish them.
    drafts = any(row.clip and row.clip.state == State.DRAFT for row in added)
    clips = reverse("admin:library_clip_changelist")
    return redirect(f"{clips}?state=draft" if drafts else clips)


def _pending(request: HttpRequest, pk: UUID) -> QuerySet[PendingImport]:
    """Return the user's file with this key, if it has not expired."""
    return PendingImport.objects.waiting().filter(user=request.user.pk or 0, pk=pk)


def _expired(request: HttpRequest) -> HttpResponseBase:
    messages.warning(
        request,
        "This import is finished, was cancelled or is older than a day. To import the file, "
        "choose it again.",
    )
    return redirect("admin:library_clip_import")


def _page(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponseBase:
    common = {**admin.site.each_context(request), "opts": Clip._meta, "title": "Import clips"}
    return TemplateResponse(request, f"library/admin/exchange/{name}.html", common | context)
