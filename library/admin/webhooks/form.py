"""The form of a webhook."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from library.changes.webhooks.subscriptions import MOST_WEBHOOKS, TooManyWebhooksError
from library.models import ChangeKind, Webhook

FIELDS = ("name", "url", "changes")


class WebhookForm(forms.ModelForm[Webhook]):
    """Name, URL and kinds of changes."""

    changes = forms.MultipleChoiceField(
        choices=ChangeKind.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        error_messages={"required": "Choose at least one kind of change."},
        help_text="A withdrawn or deleted clip that becomes public again is “restored”. "
        "Plays are not changes.",
    )

    class Meta:
        model = Webhook
        fields = FIELDS

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if self.instance.pk is None and Webhook.objects.count() >= MOST_WEBHOOKS:
            self.add_error(None, str(TooManyWebhooksError()))
        return values
