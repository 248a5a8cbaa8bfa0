"""Base classes, decorators and formatting shared by the pages of the back office."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib.auth.decorators import user_passes_test
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from library import history
from library.audio.errors import CAUSES

if TYPE_CHECKING:  # django-unfold has no types; its classes extend Django's with buttons
    from django.contrib import admin
    from django.contrib.admin import TabularInline as TabularInline
    from django.db.models import Model

    Row = TypeVar("Row", bound=Model)
    Function = TypeVar("Function", bound=Callable[..., Any])

    class ModelAdmin(admin.ModelAdmin[Row]):
        """Django's class, and buttons above the form and in its submit line."""

        actions_detail: Iterable[str]
        actions_submit_line: Iterable[str]

        def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]: ...

        def get_actions_submit_line(self, request: HttpRequest, object_id: str) -> list[Any]: ...

    def action(
        *,
        description: str,
        permissions: Iterable[str],
        url_path: str | None = None,
        icon: str | None = None,
    ) -> Callable[[Function], Function]:
        """Mark a function as a button."""

    def display(**options: Any) -> Callable[[Function], Function]:
        """Describe a column as Django does; `label` maps its values to colours."""
else:
    from unfold.admin import ModelAdmin as ModelAdmin
    from unfold.admin import TabularInline as TabularInline
    from unfold.decorators import action as action
    from unfold.decorators import display as display

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
# Of `get_deleted_objects`: names, counts by model, missing permissions, reasons to refuse.
Deletion = tuple[list[Any], dict[Any, int], set[str], list[Any]]


def to_the_second(moment: datetime) -> str:
    """Format a moment for records of events, in the time zone of the settings."""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}"


def cause_sentence(code: str | None) -> str:
    """Return the sentence for a code of AudioUnavailableError; an unknown code as it is."""
    return CAUSES[code].sentence if code in CAUSES else code or ""


def is_superuser(request: HttpRequest) -> bool:
    """Return whether the request comes from a superuser; anonymous users are none."""
    return isinstance(request.user, User) and request.user.is_superuser


def any_permission_required(*permissions: str) -> Callable[[View], View]:
    """Return a decorator for views that raises PermissionDenied without one of the permissions."""

    def has_any(user: Any) -> bool:
        if not any(user.has_perm(name) for name in permissions):
            raise PermissionDenied
        return True

    return user_passes_test(has_any)


class ReadOnly:
    """A mixin for a ModelAdmin or inline whose rows can only be viewed."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LoggedValues:
    """A mixin for a ModelAdmin of users or groups: log entries include values, as for clips."""

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
