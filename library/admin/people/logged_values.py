"""Audit log entries with the values of a change, for users and groups as for clips."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from library import history


class LoggedValues:
    """A mixin for a ModelAdmin whose log entries include old and new values."""

    model: Any
    logged_fields: tuple[str, ...]

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, Any]]:
        """Add the values to Django's message, except for a password, whose form has no model."""
        if add or not hasattr(form, "_meta"):
            message: list[dict[str, Any]] = super().construct_change_message(  # type: ignore[misc]
                request, form, formsets, add
            )
            return message
        before = {name: _loggable(value) for name, value in form.initial.items()}
        after = {name: _loggable(value) for name, value in form.cleaned_data.items()}
        return history.change_message(before, after, self.model, self.logged_fields)


def _loggable(value: Any) -> Any:
    """Return related objects as a list of their names, other values unchanged."""
    if isinstance(value, list | QuerySet):
        return sorted(map(str, value))
    return value
