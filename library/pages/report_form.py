"""The form with which the public reports a clip."""

from typing import Any

from django import forms
from django.utils.html import format_html

from library.models import Reason
from library.models.report import CONTACT_LENGTH, DETAILS_LENGTH, MESSAGES_KEPT
from library.models.text import ComposedText
from library.text import validate_block, validate_line

SENTENCES = {
    Reason.SPAM: "It advertises something, or it is not what its title says.",
    Reason.RIGHTS: "It uses work of mine, or of someone I act for, without permission.",
    Reason.BROKEN: "It doesn't play, stops early, or sounds wrong.",
}


class LongText(ComposedText):
    """Text of several lines, as browsers send it, with line feeds as breaks."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return text.replace("\r\n", "\n").replace("\r", "\n") if text else text


class ReportForm(forms.Form):
    """What is wrong with a clip. A claim about rights can't be settled without the last two."""

    use_required_attribute = False  # the page shows all errors at once, beside their fields

    reason = forms.ChoiceField(
        label="What is wrong?",
        choices=[
            (reason, format_html("<strong>{}</strong> {}", reason.label, sentence))
            for reason, sentence in SENTENCES.items()
        ],
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose what is wrong."),
    )
    details = LongText(
        label="Details",
        required=False,
        max_length=DETAILS_LENGTH,
        validators=[validate_block],
        help_text="Optional, except for rights: say which work it is, and who holds the rights.",
        widget=forms.Textarea({"rows": 5}),
    )
    contact = forms.EmailField(
        label="Your e-mail address",
        required=False,
        max_length=CONTACT_LENGTH,
        validators=[validate_line],
        help_text="Optional, except for rights. Only the editors see it, and use it only to ask or"
        f" answer you. It is deleted {MESSAGES_KEPT.days} days after they have settled the report.",
        error_messages={"invalid": "Enter an address such as ann@example.com."},
        widget=forms.EmailInput({"autocomplete": "email"}),
    )

    def clean(self) -> dict[str, Any]:
        """Require what a claim about rights needs."""
        values = self.cleaned_data
        if values.get("reason") == Reason.RIGHTS:
            if values.get("details") == "":
                self.add_error("details", "Say which work it is, and who holds the rights.")
            if values.get("contact") == "":
                self.add_error("contact", "Enter your address, so that the editors can ask you.")
        return values

    def mark_first_error(self) -> None:
        """Let the browser focus the first field with an error."""
        first = next(name for name in self.fields if name in self.errors)
        self.fields[first].widget.attrs["autofocus"] = True
