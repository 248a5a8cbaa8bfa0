"""What all pages of the back office are made of."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.http import HttpRequest
from django.utils import timezone

if TYPE_CHECKING:  # the theme has no types; its classes are Django's with another face
    from django.contrib.admin import ModelAdmin as ModelAdmin
    from django.contrib.admin import TabularInline as TabularInline

    Method = TypeVar("Method", bound=Callable[..., Any])

    def display(**options: Any) -> Callable[[Method], Method]:
        """Django's, and labels: which colour of the theme's a value has."""
else:
    from unfold.admin import ModelAdmin as ModelAdmin
    from unfold.admin import TabularInline as TabularInline
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
