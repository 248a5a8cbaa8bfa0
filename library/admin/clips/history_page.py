"""The page that tells who changed a clip, when, and from what to what."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.admin.models import ADDITION, DELETION, LogEntry
from django.core.paginator import Page, Paginator

from library import history
from library.models import Clip

ENTRIES_A_PAGE = 50
ACTIONS = {ADDITION: "Added", DELETION: "Deleted"}


@dataclass(frozen=True)
class Change:
    """An entry of the log, for people."""

    at: datetime
    author: str
    what: str
    values: list[tuple[str, str, str]]  # of each field its name, what it was, what it became


def page_of_changes(clip: Clip, number: str) -> Page[LogEntry]:
    """A page of the log, newest first."""
    return Paginator(history.entries_of(clip), ENTRIES_A_PAGE).get_page(number)


def told(entry: LogEntry) -> Change:
    """What an entry says: in a word where the values say the rest."""
    values = history.changed_values(entry)
    what = ACTIONS.get(entry.action_flag) or ("Changed" if values else entry.get_change_message())
    return Change(entry.action_time, history.author(entry), what or "Changed", values)
