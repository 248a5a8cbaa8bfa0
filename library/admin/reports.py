"""The queue of reports of clips, and what editors do about them."""

from typing import Any
from urllib.parse import quote

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.forms import Script
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.contrib.filters.admin import DropdownFilter

from library.admin.base import ModelAdmin, ReadOnly, display, to_the_second
from library.admin.bulk import states
from library.admin.clips import columns
from library.models import Clip, Outcome, Reason, Report, ReportMessage, State
from library.models.report import CLOSED_AT_ONCE, MOST_MESSAGES, NOTE_LENGTH
from library.tasks.declared import check_source_of
from library.tasks.queue import defer_many
from library.text import composed, validate_line

ALL, OPEN = "all", "open"
MOST_IN_BADGE = 99
LONGEST_DETAILS = 200  # characters in the list
LATEST = 50  # messages on the page of a report
LINK = '<a href="{}" class="text-link">{}</a>'
REASON_COLOURS = {Reason.SPAM: "warning", Reason.RIGHTS: "danger", Reason.BROKEN: "info"}


def open_reports(request: HttpRequest) -> str:
    """Return the number of open reports for the sidebar, or nothing if there are none."""
    number = Report.objects.open().order_by()[: MOST_IN_BADGE + 1].count()
    if number > MOST_IN_BADGE:
        return f"{MOST_IN_BADGE}+"
    return str(number or "")


def contact_link(address: str) -> SafeString | str:
    """Return a link that begins a message. Characters of an address are not parts of a query."""
    return format_html(LINK, f"mailto:{quote(address, safe='@')}", address) if address else ""


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
        return queryset.filter(outcome=chosen if chosen in Outcome.values else "")


class ReasonFilter(DropdownFilter):  # type: ignore[misc]
    """Reports with one reason."""

    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*Reason.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        is_reason = self.value() in Reason.values
        return queryset.filter(reason=self.value()) if is_reason else queryset


@admin.register(Report)
class ReportAdmin(ReadOnly, ModelAdmin[Report]):
    """Reports, the latest first. A clip has one for each reason; editors settle them."""

    list_display = (
        *("shown_reason", "shown_clip", "listen", "said"),
        *("number", "source", "shown_time", "shown_state"),
    )
    list_select_related = ("clip", "closed_by")
    list_filter = (ReasonFilter, StateFilter)
    list_filter_submit = True
    list_per_page = 50
    search_fields = ("clip__title",)  # see get_search_results
    search_help_text = "Title or #number of a clip, text or address of a report"
    sortable_by = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions = ("withdraw", "check_sources", "mark_as_fixed", "dismiss")
    fields = readonly_fields = (
        *("shown_clip", "listen", "source", "checked"),
        *("shown_reason", "number", "first", "shown_time", "settled"),
    )
    change_form_outer_after_template = "library/admin/reports/_messages.html"

    class Media:
        js = (Script("library/player.js", type="module"),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Report]:
        """Add what was said last to each report."""
        latest = ReportMessage.objects.filter(report=OuterRef("pk")).order_by("-pk")
        return (
            super()
            .get_queryset(request)
            .defer("clip__description", "clip__search_vector", "clip__audio", "clip__renditions")
            .annotate(
                details=Subquery(latest.values("details")[:1]),
                contact=Subquery(latest.values("contact")[:1]),
            )
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Report], search_term: str
    ) -> tuple[QuerySet[Report], bool]:
        """Find reports by clip, or by what was said."""
        text = composed(search_term.strip())
        number = text.removeprefix("#")
        if number.isascii() and number.isdecimal() and text != number:
            return queryset.filter(clip_id=number), False
        if text:
            said = ReportMessage.objects.filter(
                Q(details__icontains=text) | Q(contact__icontains=text), report=OuterRef("pk")
            )
            queryset = queryset.filter(Q(clip__title__icontains=text) | Exists(said))
        return queryset, False

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and request.user.has_perm("library.change_report")

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and request.user.has_perm("library.change_clip")

    # Columns and fields

    @display(description="reason", label=REASON_COLOURS)
    def shown_reason(self, report: Report) -> tuple[str, str]:
        return report.reason, report.get_reason_display()

    @admin.display(description="clip")
    def shown_clip(self, report: Report) -> SafeString:
        clip = report.clip
        url = reverse("admin:library_clip_change", args=[clip.pk])
        is_public = clip.state == State.PUBLISHED and clip.deleted_at is None
        state = "" if is_public else columns.shown_state(clip)
        return format_html("<div>" + LINK + " {}</div>", url, clip, state)

    @admin.display(description="listen")
    def listen(self, report: Report) -> SafeString | str:
        return columns.listen(report.clip) if report.clip.deleted_at is None else "-"

    @admin.display(description="said last")
    def said(self, report: Any) -> SafeString | str:
        """Return the beginning of the latest message, and its address."""
        details = Truncator(report.details or "").chars(LONGEST_DETAILS)
        return format_html(
            '<div class="report-said">{}<div>{}</div></div>',
            details or "-",
            contact_link(report.contact or ""),
        )

    @admin.display(description="source")
    def source(self, report: Report) -> SafeString:
        return columns.source(report.clip)

    @admin.display(description="last check")
    def checked(self, report: Report) -> str:
        moment = report.clip.health_checked_at
        return to_the_second(moment) if moment else "-"

    @admin.display(description="first")
    def first(self, report: Report) -> str:
        return to_the_second(report.created_at)

    @admin.display(description="latest")
    def shown_time(self, report: Report) -> str:
        return to_the_second(report.latest_at)

    @display(description="state", label={"open": "info", Outcome.DISMISSED: "warning"})
    def shown_state(self, report: Report) -> str:
        return report.state

    @admin.display(description="state")
    def settled(self, report: Report) -> str:
        """Return how, when, by whom and why the report was closed."""
        if report.closed_at is None:
            return "Open"
        by = f" by {report.closed_by}" if report.closed_by else ""
        text = f"{report.get_outcome_display()} on {to_the_second(report.closed_at)}{by}"
        return f"{text}: {report.note}" if report.note else text

    # Pages

    def get_list_display(self, request: HttpRequest) -> Any:
        """Leave out the state where all reports have the same one."""
        shown = super().get_list_display(request)
        return shown if request.GET.get("state") == ALL else shown[:-1]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        report: Report = context["original"]
        latest = report.messages.all()[:LATEST]
        context |= {
            "report": report,
            "said": [(message, contact_link(message.contact)) for message in latest],
            "most": MOST_MESSAGES,
            "note_length": NOTE_LENGTH,
            "may_settle": report.closed_at is None and self.has_settle_permission(request),
            "may_withdraw": report.closed_at is None and self.has_withdraw_permission(request),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    # Actions, of the list and of the page of a report

    @admin.action(description="Withdraw the clips…", permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Report]) -> HttpResponse | None:
        """Ask for the reason, as the list of clips does. Their open reports are closed as well."""
        clips = Clip.objects.filter(pk__in=queryset.order_by().values("clip"))
        return states.withdraw(self, request, clips)

    @admin.action(description="Check the sources now", permissions=["settle"])
    def check_sources(self, request: HttpRequest, queryset: QuerySet[Report]) -> None:
        """Let a worker check the sources of the clips."""
        clips = set(queryset.values_list("clip", flat=True))
        defer_many(check_source_of, [{"clip_id": pk} for pk in clips])
        sources = f"{len(clips):,} source{'s' * (len(clips) != 1)}"
        messages.success(request, f"{sources} will be checked. Reload the page in a moment.")

    @admin.action(description="Mark as fixed", permissions=["settle"])
    def mark_as_fixed(self, request: HttpRequest, queryset: QuerySet[Report]) -> None:
        """Close reports because an editor has corrected the clips."""
        self._close(request, queryset, Outcome.FIXED)

    @admin.action(description="Dismiss", permissions=["settle"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[Report]) -> None:
        """Close reports that need no change."""
        self._close(request, queryset, Outcome.DISMISSED)

    def _close(self, request: HttpRequest, queryset: QuerySet[Report], outcome: Outcome) -> None:
        """Close reports with the note that the page of a report sends, and log that."""
        note = composed(request.POST.get("note", "").strip())
        try:
            validate_line(note)
        except ValidationError as error:
            messages.error(request, f"Nothing was closed. {' '.join(error.messages)}")
            return
        if len(note) > NOTE_LENGTH:
            messages.error(
                request, f"Nothing was closed. A note has at most {NOTE_LENGTH} characters."
            )
            return
        sentence = f"{outcome.label}: {note}" if note else f"{outcome.label}."
        pks = [*queryset.order_by("pk").values_list("pk", flat=True)]
        number = 0
        for start in range(0, len(pks), CLOSED_AT_ONCE):
            batch = Report.objects.filter(pk__in=pks[start : start + CLOSED_AT_ONCE])
            with transaction.atomic():
                closed = batch.close(request.user, outcome, note)  # type: ignore[arg-type]
                if closed:
                    LogEntry.objects.log_actions(request.user.pk or 0, closed, CHANGE, sentence)
            number += len(closed)
        if number:
            messages.success(request, f"{number:,} report{'s' * (number != 1)} {outcome}.")
        else:
            messages.warning(request, "Nothing was changed: the report is already closed.")
