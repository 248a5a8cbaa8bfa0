"""What all pages of the back office are made of."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:  # the theme has no types; its class is Django's with another face, and buttons
    from django.contrib import admin
    from django.db.models import Model
    from django.http import HttpRequest

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
else:
    from unfold.admin import ModelAdmin as ModelAdmin
    from unfold.decorators import action as action
