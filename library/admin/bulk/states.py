"""Drafts, published and withdrawn clips: many in the list, one on its page."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from library.admin.base import ModelAdmin, action
from library.admin.bulk.batches import change
from library.admin.bulk.confirmation import ask, counted
from library.admin.bulk.selection import Selection
from library.models import REASON_LENGTH, Clip, ClipQuerySet, State

FIELDS = ("state", "withdrawn_reason")
BECAME = {State.DRAFT: "back to draft", State.PUBLISHED: "published", State.WITHDRAWN: "withdrawn"}
# The buttons on the page of a clip: in which states each makes sense.
BUTTONS = {
    "save_and_publish": (State.DRAFT, State.WITHDRAWN),
    "save_and_make_draft": (State.PUBLISHED, State.WITHDRAWN),
    "withdraw_this": (State.DRAFT, State.PUBLISHED),
}
SENTENCE = "The public can neither list nor hear a withdrawn clip. Who asks is told the reason."


class ReasonForm(forms.Form):
    """Why clips are withdrawn."""

    reason = forms.CharField(
        max_length=REASON_LENGTH,
        help_text="A sentence for the public, such as: Its creator asked us to.",
        widget=UnfoldAdminTextInputWidget({"autofocus": True}),
    )


class StateActions(ModelAdmin[Clip]):
    """What changes the state of clips; each change is noted in their history."""

    actions_submit_line = ("save_and_publish", "save_and_make_draft")
    actions_detail = ("withdraw_this",)

    @admin.action(description="Publish", permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[Clip]) -> None:
        """Show those that are selected to the public."""
        self._set_state(request, Selection(request, queryset).clips, State.PUBLISHED)

    @admin.action(description="Make drafts", permissions=["change"])
    def make_draft(self, request: HttpRequest, queryset: QuerySet[Clip]) -> None:
        """Take those that are selected back."""
        self._set_state(request, Selection(request, queryset).clips, State.DRAFT)

    @admin.action(description="Withdraw…", permissions=["change"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Clip]) -> HttpResponse | None:
        """Take those that are selected away from the public, once the reason is given."""
        selection = Selection(request, queryset)
        form = ReasonForm(request.POST if "post" in request.POST else None)
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            self._set_state(request, selection.clips, State.WITHDRAWN, reason)
            return None
        return ask(
            self,
            request,
            title=f"Withdraw {counted(selection.count)}",
            sentence=SENTENCE,
            button="Withdraw",
            back=request.get_full_path(),
            clips=selection.first,
            others=selection.others,
            fields=selection.fields(),
            form=form,
        )

    @action(description="Withdraw…", url_path="withdraw", permissions=["change"], icon="block")
    def withdraw_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take one clip away from the public, once the reason is given."""
        clip = self.get_object(request, object_id)
        if clip is None:
            return HttpResponseRedirect(reverse("admin:library_clip_changelist"))
        page = reverse("admin:library_clip_change", args=[clip.pk])
        form = ReasonForm(request.POST or None)
        if form.is_valid():
            one = Clip.objects.filter(pk=clip.pk)
            self._set_state(request, one, State.WITHDRAWN, form.cleaned_data["reason"])
            return HttpResponseRedirect(page)
        return ask(
            self,
            request,
            title=f"Withdraw “{clip}”",
            sentence=SENTENCE,
            button="Withdraw",
            back=page,
            form=form,
            one=clip,
        )

    @action(description="Save and publish", permissions=["change"], icon="public")
    def save_and_publish(self, request: HttpRequest, obj: Clip) -> None:
        """Show a clip to the public as it was just saved."""
        self._set_state(request, Clip.objects.filter(pk=obj.pk), State.PUBLISHED)

    @action(description="Save and make draft", permissions=["change"], icon="edit_note")
    def save_and_make_draft(self, request: HttpRequest, obj: Clip) -> None:
        """Take a clip back as it was just saved."""
        self._set_state(request, Clip.objects.filter(pk=obj.pk), State.DRAFT)

    def save_model(self, request: HttpRequest, obj: Clip, form: Any, change: bool) -> None:
        """Save the clip, then do what the button that was pressed says beside."""
        super().save_model(request, obj, form, change)
        for button in self.get_actions_submit_line(request, str(obj.pk)):
            if button.action_name in request.POST:
                button.method(request, obj)

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """The buttons that make sense in the clip's state."""
        return self._in_state(request, object_id, super().get_actions_detail(request, object_id))

    def get_actions_submit_line(self, request: HttpRequest, object_id: str) -> list[Any]:
        """The buttons that make sense in the clip's state."""
        buttons = super().get_actions_submit_line(request, object_id)
        return self._in_state(request, object_id, buttons)

    def _in_state(self, request: HttpRequest, object_id: str, buttons: list[Any]) -> list[Any]:
        clip = self.get_object(request, object_id)
        if clip is None or clip.deleted_at is not None:
            return []
        return [
            button
            for button in buttons
            if clip.state in BUTTONS.get(button.method.original_function_name, State)
        ]

    def _set_state(
        self, request: HttpRequest, clips: ClipQuerySet, state: State, reason: str | None = None
    ) -> None:
        """Change the state of clips, and say how many were changed."""

        def alter(clip: Clip) -> None:
            clip.state, clip.withdrawn_reason = state, reason

        def write(clips: ClipQuerySet) -> int:
            if state == State.WITHDRAWN:
                return clips.withdraw(reason or "")
            return clips.publish() if state == State.PUBLISHED else clips.make_draft()

        clips = clips.not_deleted()
        asked = clips.count()  # before: a list of drafts has none of them afterwards
        number = change(request.user, clips, FIELDS, alter, write)
        already = asked - number
        rest = f"; {already:,} already {'was' if already == 1 else 'were'}" if already else ""
        self.message_user(
            request,
            f"{counted(number)} {BECAME[state]}{rest}.",
            messages.SUCCESS if number else messages.INFO,
        )
