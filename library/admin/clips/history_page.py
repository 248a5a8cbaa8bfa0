"""The history of a clip: the author and time of each change, and its values before and after."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin.models import LogEntry
from django.core.paginator import Paginator

from library import history
from library.admin.log_entries import action_of
from library.models import Clip

ENTRIES_PER_PAGE = 50


@dataclass(frozen=True)
class Change:
    """An entry of the log for display; each of `values` is a label, an old and a new value."""

    at: datetime
    author: str
    action: str
    values: list[tuple[str, str, str]]

    @classmethod
    def of(cls, entry: LogEntry) -> "Change":
        values, action = history.changed_values(entry), action_of(entry)
        if action == "Changed" and not values:
            action = entry.get_change_message() or action
        return cls(entry.action_time, history.author(entry), action, values)


def history_context(clip: Clip, page_number: str) -> dict[str, Any]:
    """Return the template's context: a page of the clip's changes, the newest first."""
    page = Paginator(history.entries_of(clip), ENTRIES_PER_PAGE).get_page(page_number)
    return {
        "title": f"History of “{clip}”",
        "page": page,
        "changes": [Change.of(entry) for entry in page],
        # Samples, and clips added by anonymous clients of the API, have no entry of their addition.
        "added_unsigned": not page.has_next() and not any(entry.is_addition() for entry in page),
    }
