"""The history as tests read it: Django's log entries with the values before and after."""

from django.contrib.admin.models import LogEntry

from library import history

ChangedValues = list[tuple[str, str, str]]


def history_entries() -> list[tuple[str, str, ChangedValues]]:
    """Return the user, the sentence and the changed values of each entry, oldest first."""
    return [
        (entry.user.get_username(), str(entry), history.changed_values(entry))
        for entry in LogEntry.objects.select_related("user").order_by("id")
    ]
