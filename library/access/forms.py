"""Forms in which users prove their identity."""

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


class _UserForm(forms.Form):
    """A form about the user who is logged in."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.POST if request.method == "POST" else None)
        self.request = request
        assert isinstance(request.user, User)  # noqa: S101  # the pages are for staff
        self.user = request.user

    def refuse(self, refused: CodeRefusedError) -> forms.ValidationError:
        """Return the error for a refused code, and record a wrong one in the history."""
        if refused.checked:
            history.note(self.user, self.user, "Entered a wrong second-factor code.")
        sentence = (
            "This code is wrong or has already been used."
            if refused.checked
            else "Too many wrong codes."
        )
        if refused.seconds > 1:
            sentence += f" Try again in {refused.seconds} seconds."
        elif not refused.checked:
            sentence += " Try again in a moment."
        return forms.ValidationError(sentence)


class CodeForm(_UserForm):
    """A code of the authenticator, or a recovery code."""

    code = forms.CharField(
        max_length=40,
        widget=forms.TextInput({**INPUT, "autocomplete": "one-time-code", "autofocus": True}),
    )

    def clean_code(self) -> None:
        try:
            second_factor.verify(self.user, self.cleaned_data["code"])
        except CodeRefusedError as refused:
            raise self.refuse(refused) from None


class PasswordForm(_UserForm):
    """Ask for the password again, unless the user entered it a moment ago.

    A person who finds an unlocked computer must not be able to change how its user logs in.
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
        """Check the password. Failures count towards the limits on log-ins."""
        given = {"username": self.user.get_username(), "password": self.cleaned_data["password"]}
        if authenticate(self.request, **given) is None:
            raise forms.ValidationError("The password is wrong.")


class EnrolForm(PasswordForm):
    """The first code of an authenticator."""

    code = forms.CharField(
        label="Code shown by the app",
        max_length=10,
        widget=forms.TextInput(
            {**INPUT, "autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
        ),
    )

    def clean(self) -> dict[str, Any]:
        """Enrol the authenticator, and keep the recovery codes for the page that shows them."""
        if not self.errors:
            try:
                self.recovery_codes = second_factor.enrol(self.user, self.cleaned_data["code"])
            except CodeRefusedError as refused:
                self.add_error("code", self.refuse(refused))
        return self.cleaned_data
