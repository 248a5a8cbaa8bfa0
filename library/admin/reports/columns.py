"""The columns of the queue, and the fields on the page of a report."""

from typing import Any
from urllib.parse import quote

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.timesince import timesince

from library.admin.base import display, to_the_second
from library.admin.clips import columns
from library.models import Outcome, Reason, Report, State

LONGEST_DETAILS = 140  # characters in the list
LINK = '<a href="{}" class="text-link">{}</a>'
REASON_COLOURS = {Reason.SPAM: "warning", Reason.RIGHTS: "danger", Reason.BROKEN: "info"}


def contact_link(address: str) -> SafeString | str:
    """Return a link that begins a message. Characters of an address are not parts of a query."""
    return format_html(LINK, f"mailto:{quote(address, safe='@')}", address) if address else ""


@display(description="reason", label=REASON_COLOURS)
def shown_reason(report: Report) -> tuple[str, str]:
    """Return the reason and its name."""
    return report.reason, report.get_reason_display()


@admin.display(description="clip")
def shown_clip(report: Report) -> SafeString:
    """Return a link to the clip, with its state if the public can't play it."""
    clip = report.clip
    url = reverse("admin:library_clip_change", args=[clip.pk])
    is_public = clip.state == State.PUBLISHED and clip.deleted_at is None
    state = "" if is_public else columns.shown_state(clip)
    return format_html('<div class="report-clip">' + LINK + " {}</div>", url, clip, state)


@admin.display(description="listen")
def listen(report: Report) -> SafeString | str:
    """Return a small player, unless the clip was deleted."""
    return columns.listen(report.clip) if report.clip.deleted_at is None else "-"


@admin.display(description="latest message")
def said(report: Any) -> SafeString | str:
    """Return the beginning of the latest message, and its address, which the list has set."""
    details = Truncator(report.details or "").chars(LONGEST_DETAILS)
    contact = contact_link(report.contact or "")
    return format_html(
        '<div class="report-said">{}{}</div>',
        details or ("" if contact else "-"),
        format_html("<div>{}</div>", contact) if contact else "",
    )


@admin.display(description="source")
def source(report: Report) -> SafeString:
    """Return where the clip's audio is, and whether it can be loaded."""
    return columns.source(report.clip)


@admin.display(description="last check")
def checked(report: Report) -> str:
    """Return when the source was checked."""
    moment = report.clip.health_checked_at
    return to_the_second(moment) if moment else "-"


@admin.display(description="latest")
def latest(report: Report) -> SafeString:
    """Return how long ago the clip was last reported for this reason."""
    ago = timesince(report.latest_at, depth=1)
    return format_html('<span title="{}">{} ago</span>', to_the_second(report.latest_at), ago)


@admin.display(description="reports")
def times(report: Report) -> str:
    """Return how often and when the clip was reported for this reason."""
    if report.number == 1:
        return f"1, on {to_the_second(report.created_at)}"
    first, last = to_the_second(report.created_at), to_the_second(report.latest_at)
    return f"{report.number:,}, from {first} to {last}"


@display(description="state", label={"open": "info", Outcome.DISMISSED: "warning"})
def shown_state(report: Report) -> str:
    """Return `open`, or how the report was settled."""
    return report.state


@admin.display(description="state")
def settled(report: Report) -> str:
    """Return how, when, by whom and why the report was closed."""
    if report.closed_at is None:
        return "Open"
    by = f" by {report.closed_by}" if report.closed_by else ""
    text = f"{report.get_outcome_display()} on {to_the_second(report.closed_at)}{by}"
    return f"{text}: {report.note}" if report.note else text
