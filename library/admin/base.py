"""What all pages of the back office are made of."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.http import HttpRequest
from django.utils import timezone

if TYPE_CHECKING:  # the theme has no types; its class is Django's with another face, and buttons
    from django.contrib import admin
    from django.contrib.admin import TabularInline as TabularInline
    from django.db.models import Model

    Row = TypeVar("Row", bound=Model)
    Method = TypeVar("Method", bound=Callable[..., Any])

    class ModelAdmin(admin.ModelAdmin[Row]):
        """The pages of a model."""

        actions_detail: Iterable[str]
        actions_submit_line: Iterable[str]

        def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
            """The buttons at the head of a row's page."""

        def get_actions_submit_line(self, request: HttpRequest, object_id: str) -> list[Any]:
            """The buttons beside the one that saves."""

    def action(
        *,
        description: str,
        permissions: Iterable[str],
        url_path: str | None = None,
        icon: str | None = None,
    ) -> Callable[[Method], Method]:
        """Make a button of a method."""

    def display(**options: Any) -> Callable[[Method], Method]:
        """Django's, and labels: which colour of the theme's a value has."""
else:
    from unfold.admin import ModelAdmin as ModelAdmin
    from unfold.admin import TabularInline as TabularInline
    from unfold.decorators import action as action
    from unfold.decorators import display as display


def to_the_second(moment: datetime) -> str:
    """A moment as records tell it, in the time zone of the settings."""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}"


class ReadOnly:
    """Of a ModelAdmin: its rows are looked at, and changed by nobody."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False
