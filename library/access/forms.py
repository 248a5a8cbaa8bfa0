"""What people are asked for to show who they are."""

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.http import HttpRequest
from unfold.widgets import BASE_INPUT_CLASSES

from library import history
from library.access import second_factor
from library.access.second_factor import CodeRefusedError
from library.access.sessions import has_just_begun

INPUT = {"class": " ".join(BASE_INPUT_CLASSES)}


class _OfUser(forms.Form):
    """A form that a user of the back office fills in about themselves."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.POST if request.method == "POST" else None)
        self.request = request
        assert isinstance(request.user, User)  # noqa: S101  # the pages are for staff
        self.user = request.user

    def refuse(self, refused: CodeRefusedError) -> forms.ValidationError:
        """What to say of a code that was not accepted; a wrong one is noted."""
        if refused.looked_at:
            history.note(self.user, self.user, "Gave a wrong code as second factor.")
        sentence = (
            "This code is not right, or was used."
            if refused.looked_at
            else "There were too many wrong codes."
        )
        if refused.seconds > 1:
            sentence += f" Wait {refused.seconds} seconds before the next attempt."
        elif not refused.looked_at:
            sentence += " Wait a moment."
        return forms.ValidationError(sentence)


class CodeForm(_OfUser):
    """A code of the authenticator, or a recovery code."""

    code = forms.CharField(
        max_length=40,
        widget=forms.TextInput({**INPUT, "autocomplete": "one-time-code", "autofocus": True}),
    )

    def clean_code(self) -> None:
        """Use it up."""
        try:
            second_factor.verify(self.user, self.cleaned_data["code"])
        except CodeRefusedError as refused:
            raise self.refuse(refused) from None


class PasswordForm(_OfUser):
    """The password once more, unless it was given a moment ago.

    Who finds a back office open must not be able to change what opens it.
    """

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput({**INPUT, "autocomplete": "current-password"}),
    )

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        if has_just_begun(request):
            del self.fields["password"]

    def clean_password(self) -> None:
        """Check it, within the limits on log-ins."""
        given = {"username": self.user.get_username(), "password": self.cleaned_data["password"]}
        if authenticate(self.request, **given) is None:
            raise forms.ValidationError("This is not your password.")


class EnrolForm(PasswordForm):
    """The first code of an authenticator."""

    code = forms.CharField(
        label="Code that the app shows",
        max_length=10,
        widget=forms.TextInput(
            {**INPUT, "autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
        ),
    )

    def clean(self) -> dict[str, Any]:
        """Enrol it, and keep the new recovery codes for the page that shows them."""
        if not self.errors:
            try:
                self.recovery_codes = second_factor.enrol(self.user, self.cleaned_data["code"])
            except CodeRefusedError as refused:
                self.add_error("code", self.refuse(refused))
        return self.cleaned_data
