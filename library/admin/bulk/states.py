"""Publishing and withdrawing clips: actions of the list, and buttons on a clip's page."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from library.admin.base import ModelAdmin, action
from library.admin.bulk.batches import change_clips
from library.admin.bulk.confirmation import clip_count, confirmation_page
from library.admin.bulk.selection import Selection
from library.models import REASON_LENGTH, Clip, ClipQuerySet, State
from library.models.text import ComposedText
from library.text import validate_line

FIELDS = ("state", "withdrawn_reason")
DONE = {State.DRAFT: "changed to draft", State.PUBLISHED: "published", State.WITHDRAWN: "withdrawn"}
# The states in which each button on a clip's page makes sense.
BUTTONS = {
    "save_and_publish": (State.DRAFT, State.WITHDRAWN),
    "save_and_make_draft": (State.PUBLISHED, State.WITHDRAWN),
    "withdraw_this": (State.DRAFT, State.PUBLISHED),
}
WITHDRAWAL = (
    "The public can neither list nor play a withdrawn clip. Anyone requesting it sees the reason."
)


class ReasonForm(forms.Form):
    """Why clips are withdrawn."""

    reason = ComposedText(
        max_length=REASON_LENGTH,
        validators=[validate_line],
        help_text="A sentence for the public, such as: Its creator asked us to.",
        widget=UnfoldAdminTextInputWidget({"autofocus": True}),
    )


@admin.action(description="Publish", permissions=["change"])
def publish(clip_admin: ModelAdmin[Clip], request: HttpRequest, queryset: QuerySet[Clip]) -> None:
    """Make the selected clips public."""
    set_state(request, Selection(request, queryset).clips, State.PUBLISHED)


@admin.action(description="Change to draft", permissions=["change"])
def make_draft(
    clip_admin: ModelAdmin[Clip], request: HttpRequest, queryset: QuerySet[Clip]
) -> None:
    """Turn the selected clips back into drafts."""
    set_state(request, Selection(request, queryset).clips, State.DRAFT)


@admin.action(description="Withdraw…", permissions=["change"])
def withdraw(
    clip_admin: ModelAdmin[Any], request: HttpRequest, queryset: QuerySet[Clip]
) -> HttpResponse | None:
    """Show a form for the reason, then withdraw the selected clips."""
    selection = Selection(request, queryset)
    form = ReasonForm(request.POST if "post" in request.POST else None)
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        set_state(request, selection.clips, State.WITHDRAWN, reason)
        return None
    back = request.get_full_path()
    return confirmation_page(
        clip_admin, request, selection, verb="Withdraw", sentence=WITHDRAWAL, back=back, form=form
    )


@action(description="Withdraw…", url_path="withdraw", permissions=["change"], icon="block")
def withdraw_this(
    clip_admin: ModelAdmin[Clip], request: HttpRequest, object_id: str
) -> HttpResponse:
    """Show a form for the reason, then withdraw one clip."""
    clip = clip_admin.get_object(request, object_id)
    if clip is None:
        return HttpResponseRedirect(reverse("admin:library_clip_changelist"))
    back = reverse("admin:library_clip_change", args=[clip.pk])
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        clips, reason = Clip.objects.filter(pk=clip.pk), form.cleaned_data["reason"]
        set_state(request, clips, State.WITHDRAWN, reason)
        return HttpResponseRedirect(back)
    return confirmation_page(
        clip_admin, request, clip, verb="Withdraw", sentence=WITHDRAWAL, back=back, form=form
    )


@action(description="Save and publish", permissions=["change"], icon="public")
def save_and_publish(clip_admin: ModelAdmin[Clip], request: HttpRequest, obj: Clip) -> None:
    """Publish a clip that has just been saved."""
    set_state(request, Clip.objects.filter(pk=obj.pk), State.PUBLISHED)


@action(description="Save as draft", permissions=["change"], icon="edit_note")
def save_and_make_draft(clip_admin: ModelAdmin[Clip], request: HttpRequest, obj: Clip) -> None:
    """Turn a clip that has just been saved back into a draft."""
    set_state(request, Clip.objects.filter(pk=obj.pk), State.DRAFT)


def buttons_for(clip: Clip | None, buttons: list[Any]) -> list[Any]:
    """Return the buttons that make sense in the clip's state; a deleted clip has none."""
    if clip is None or clip.deleted_at is not None:
        return []
    return [
        button
        for button in buttons
        if clip.state in BUTTONS.get(button.method.original_function_name, State)
    ]


def set_state(
    request: HttpRequest, clips: ClipQuerySet, state: State, reason: str | None = None
) -> None:
    """Change the state of the clips and show how many changed."""

    def set_fields(clip: Clip) -> None:
        clip.state, clip.withdrawn_reason = state, reason

    def update(clips: ClipQuerySet) -> int:
        if state == State.WITHDRAWN:
            return clips.withdraw(reason or "")
        return clips.publish() if state == State.PUBLISHED else clips.make_draft()

    clips = clips.not_deleted()
    total = clips.count()  # before the change: a list of drafts is empty afterwards
    number = change_clips(request.user, clips, FIELDS, set_fields, update)
    already = total - number
    rest = f"; {already:,} already {'was' if already == 1 else 'were'}" if already else ""
    show = messages.success if number else messages.info
    show(request, f"{clip_count(number)} {DONE[state]}{rest}.")
