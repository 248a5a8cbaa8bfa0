"""The queue of reports, the page of each, and what editors do about them."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import OuterRef, QuerySet, Subquery
from django.forms import Script
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from library.admin.base import ModelAdmin, ReadOnly
from library.admin.bulk import states
from library.admin.reports import columns
from library.admin.reports.closing import ALREADY_CLOSED, close
from library.admin.reports.filters import StateFilter, find
from library.models import Clip, Outcome, Report, ReportMessage
from library.models.report import MOST_MESSAGES, NOTE_LENGTH
from library.tasks.declared import check_sources_of
from library.tasks.queue import defer

MOST_IN_BADGE = 99
NOT_SHOWN = ("clip__description", "clip__search_vector", "clip__audio", "clip__renditions")


def open_reports(request: HttpRequest) -> str:
    """Return the number of open reports for the sidebar, or nothing if there are none."""
    number = Report.objects.open()[: MOST_IN_BADGE + 1].count()  # ordered, for its index
    return f"{MOST_IN_BADGE}+" if number > MOST_IN_BADGE else str(number or "")


@admin.register(Report)
class ReportAdmin(ReadOnly, ModelAdmin[Report]):
    """Reports, the latest first. A clip has one for each reason; editors settle them."""

    list_display: Any = (
        *(columns.shown_reason, columns.shown_clip, columns.listen, columns.said, "number"),
        *(columns.source, columns.latest, columns.shown_state),
    )
    list_select_related = ("clip", "closed_by")
    list_filter = (("reason", ChoicesDropdownFilter), StateFilter)
    list_filter_submit = True
    list_per_page = 50
    search_fields = ("clip__title",)  # see get_search_results
    search_help_text = "Title or #number of a clip, or a part of a message"
    sortable_by = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions = ("withdraw", "check_sources", "mark_as_fixed", "dismiss")
    fields = readonly_fields = (  # type: ignore[assignment]  # the stubs allow only names
        *(columns.shown_clip, columns.listen, columns.source, columns.checked),
        *("reason", columns.times, columns.settled),
    )
    change_form_outer_before_template = "library/admin/reports/_messages.html"

    class Media:
        js = (Script("library/admin/player.js", type="module"),)

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and request.user.has_perm("library.change_report")

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and request.user.has_perm("library.change_clip")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Report]:
        """Add the latest message to each report."""
        latest = ReportMessage.objects.filter(report=OuterRef("pk")).order_by("-pk")
        reports = super().get_queryset(request).defer(*NOT_SHOWN)
        return reports.annotate(
            details=Subquery(latest.values("details")[:1]),
            contact=Subquery(latest.values("contact")[:1]),
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Report], search_term: str
    ) -> tuple[QuerySet[Report], bool]:
        return find(queryset, search_term), False

    def get_list_display(self, request: HttpRequest) -> Any:
        """Show the state unless all reports are open, and the source only of these."""
        shown = super().get_list_display(request)
        left_out = columns.source if request.GET.get("state") else columns.shown_state
        return [column for column in shown if column is not left_out]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        report: Report = context["original"]
        said = report.messages.all()
        is_open = report.closed_at is None
        context |= {
            "report": report,
            "said": [(message, columns.contact_link(message.contact)) for message in said],
            "most": MOST_MESSAGES,
            "note_length": NOTE_LENGTH,
            "may_settle": is_open and self.has_settle_permission(request),
            "may_withdraw": is_open and self.has_withdraw_permission(request),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    # Actions of the list. The page of a report has them as buttons.

    @admin.action(description="Withdraw the clips…", permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Report]) -> HttpResponse | None:
        """Ask for the reason, as the list of clips does. A trigger closes the clips' reports."""
        if not queryset.exists():  # the page is outdated
            messages.warning(request, ALREADY_CLOSED)
            return None
        clips = Clip.objects.filter(pk__in=queryset.order_by().values("clip"))
        return states.withdraw(self, request, clips)

    @admin.action(description="Check the sources now", permissions=["settle"])
    def check_sources(
        self, request: HttpRequest, queryset: QuerySet[Report]
    ) -> HttpResponse | None:
        """Let a worker check the sources of the clips. Return to the page of the report, if any."""
        clips = sorted({*queryset.values_list("clip", flat=True)})
        defer(check_sources_of, clip_ids=clips)
        sources = f"{len(clips):,} source{'s' * (len(clips) != 1)}"
        messages.success(request, f"{sources} will be checked. Reload the page in a moment.")
        page = queryset.first() if "note" in request.POST else None
        return redirect("admin:library_report_change", page.pk) if page else None

    @admin.action(description="Mark as fixed", permissions=["settle"])
    def mark_as_fixed(self, request: HttpRequest, queryset: QuerySet[Report]) -> None:
        """Close reports because an editor has corrected the clips."""
        close(request, queryset, Outcome.FIXED)

    @admin.action(description="Dismiss", permissions=["settle"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[Report]) -> None:
        """Close reports that need no change."""
        close(request, queryset, Outcome.DISMISSED)
