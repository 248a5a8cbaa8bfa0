"""What clips are filtered by."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from library.models import Clip


class DeletedFilter(admin.SimpleListFilter):
    """Deleted clips are shown apart, where they can be restored."""

    title = "deleted"
    parameter_name = "deleted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choice beside the first."""
        return [("yes", "Deleted")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """The first choice, which Django calls `All`, is: all that are not deleted."""
        first, *others = super().choices(changelist)
        yield from ({**first, "display": "Available"}, *others)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Clip]) -> QuerySet[Clip]:
        """The deleted clips, or the others."""
        return queryset.filter(deleted_at__isnull=self.value() != "yes")
