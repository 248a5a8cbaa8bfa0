"""One-line descriptions of a clip's entries in the audit log."""

from django.contrib.admin.models import LogEntry
from django.utils.text import get_text_list

from library import history
from library.models import State

STATE_ACTIONS = {
    State.DRAFT.value: "Made a draft",
    State.PUBLISHED.value: "Published",
    State.WITHDRAWN.value: "Withdrawn",
}
NAMED = ("state", "withdrawn_reason", "deleted_at")  # fields whose changes have names


def action_of(entry: LogEntry) -> str:
    """Return “Added”, “Deleted”, “Restored”, “Withdrawn”, … or, for other fields, “Changed”."""
    if entry.is_addition():
        return "Added"
    if entry.is_deletion():
        return "Deleted"
    values = {label: new for label, _, new in history.changed_values(entry)}
    if history.label("deleted_at") in values:
        return "Restored"
    return STATE_ACTIONS.get(values.get(history.label("state"), ""), "Changed")


def describe(entry: LogEntry) -> str:
    """Return a line such as “Withdrawn: Its creator asked us to.” or “Changed title and tags.”."""
    action = action_of(entry)
    values = {label: new for label, _, new in history.changed_values(entry)}
    if action == "Changed":
        return entry.get_change_message()
    reason = values.get(history.label("withdrawn_reason"))
    sentences = [f"{action}: {reason}" if reason else f"{action}."]
    others = [label for label in values if label not in map(history.label, NAMED)]
    if others:
        sentences.append(f"Changed {get_text_list(others, 'and')}.")
    return " ".join(sentences)
