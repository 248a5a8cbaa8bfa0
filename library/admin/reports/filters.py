"""The filters and the search of the queue."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from library.models import Outcome, Report, ReportMessage
from library.text import composed

ALL = "all"


class StateFilter(DropdownFilter):  # type: ignore[misc]
    """Open reports, those with one outcome, or all."""

    title = "state"
    parameter_name = "state"
    all_option = ("", "Open")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*Outcome.choices, (ALL, "All")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value() or ""
        if chosen == ALL:
            return queryset
        if chosen in Outcome.values:
            return queryset.filter(outcome=chosen)
        return queryset.filter(closed_at=None)


def find(reports: QuerySet[Report], text: str) -> QuerySet[Report]:
    """Return the reports of a clip by its `#number` or title, or with the text in a message."""
    text = composed(text.strip())
    number = text.removeprefix("#")
    if text.startswith("#") and number.isascii() and number.isdecimal() and len(number) < 19:
        return reports.filter(clip_id=number)
    if not text:
        return reports
    messages = ReportMessage.objects.filter(
        Q(details__icontains=text) | Q(contact__icontains=text), report=OuterRef("pk")
    )
    return reports.filter(Q(clip__title__icontains=text) | Exists(messages))
