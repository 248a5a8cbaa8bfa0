"""Closing reports, with a note and an entry in the log."""

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from library.models import Outcome, Report
from library.models.report import CLOSED_AT_ONCE, NOTE_LENGTH
from library.text import composed, validate_line

ALREADY_CLOSED = "Nothing was changed: the report is already closed."


def close(request: HttpRequest, reports: QuerySet[Report], outcome: Outcome) -> None:
    """Close reports with the note of the request, if there is one, and show how many were open."""
    note = composed(request.POST.get("note", "").strip())
    try:
        _check_note(note)
    except ValidationError as error:
        messages.error(request, f"Nothing was closed. {' '.join(error.messages)}")
        return
    pks = [*reports.order_by("pk").values_list("pk", flat=True)]
    batches = (pks[start : start + CLOSED_AT_ONCE] for start in range(0, len(pks), CLOSED_AT_ONCE))
    number = sum(_close(request, batch, outcome, note) for batch in batches)
    if number:
        messages.success(request, f"{number:,} report{'s' * (number != 1)} {outcome}.")
    else:
        messages.warning(request, ALREADY_CLOSED)


def _check_note(note: str) -> None:
    validate_line(note)
    if len(note) > NOTE_LENGTH:
        raise ValidationError(f"A note has at most {NOTE_LENGTH} characters.")


def _close(request: HttpRequest, pks: list[int], outcome: Outcome, note: str) -> int:
    """Close those that are open, and return how many there were."""
    assert isinstance(request.user, User)  # noqa: S101  # the action needs a permission
    with transaction.atomic():
        closed = Report.objects.filter(pk__in=pks).close(request.user, outcome, note)
        if closed:
            sentence = f"{outcome.label}: {note}" if note else f"{outcome.label}."
            LogEntry.objects.log_actions(request.user.pk, closed, CHANGE, sentence)
    return len(closed)
