"""Log-ins, failed log-ins and locks: the records of django-axes, read-only."""

from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet, Sum, Window
from django.http import HttpRequest
from django.utils import timezone
from unfold.paginator import InfinitePaginator

from library import history
from library.access.logins import NETWORK_FACTOR
from library.admin.base import ModelAdmin, ReadOnly, display, to_the_second


class LoginRecords(ReadOnly, ModelAdmin[Any]):
    """Records of attempts to log in, the latest first."""

    list_per_page = 50
    sortable_by = ()  # no other order has an index
    ordering = ("-id",)
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    search_fields = ("username",)
    search_help_text = "A user name, or a part of one"
    actions: Any = None

    @admin.display(description="time")
    def time(self, record: Any) -> str:
        return to_the_second(record.attempt_time)


@admin.register(AccessLog)
class LoginAdmin(LoginRecords):
    """Successful log-ins."""

    list_display = ("username", "time", "logout_time", "ip_address")
    fields = ("username", "time", "logout_time", "ip_address", "user_agent")


@admin.register(AccessFailureLog)
class FailureAdmin(LoginRecords):
    """Failed log-ins."""

    list_display = ("username", "time", "shown_lock", "ip_address")
    fields = ("username", "time", "locked_out", "ip_address", "user_agent")
    list_filter = ("locked_out",)

    @display(description="result", label={"locked": "danger"})
    def shown_lock(self, failure: AccessFailureLog) -> str:
        """Return whether this failure locked the log-in."""
        return "locked" if failure.locked_out else "-"


@admin.register(AccessAttempt)
class AttemptAdmin(LoginRecords):
    """Failures that count against the limits now. An administrator can delete them to unlock."""

    list_display = ("username", "ip_address", "failures_since_start", "shown_state", "time")
    fields = ("username", "time", "failures_since_start", "ip_address", "user_agent")
    actions = ("unlock",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessAttempt]:
        """Leave out failures that have expired, which axes deletes later; add the sums it limits.

        axes counts the failures of a user name at an address, and all failures of an address.
        """
        since = timezone.now() - settings.AXES_COOLOFF_TIME
        count = Sum("failures_since_start")
        attempts: Any = super().get_queryset(request)
        counted: QuerySet[AccessAttempt] = attempts.filter(attempt_time__gte=since).annotate(
            of_name=Window(count, partition_by=["username", "ip_address"]),
            of_network=Window(count, partition_by=["ip_address"]),
        )
        return counted

    @display(description="state", label={"locked": "danger", "counted": "warning"})
    def shown_state(self, attempt: Any) -> str:
        failures = max(attempt.of_name, attempt.of_network // NETWORK_FACTOR)
        return "locked" if failures >= settings.AXES_FAILURE_LIMIT else "counted"

    def has_unlock_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and request.user.has_perm("axes.delete_accessattempt")

    @admin.action(description="Unlock selected", permissions=["unlock"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[AccessAttempt]) -> None:
        """Delete these failures; note the users in the audit log, without network addresses."""
        attempts = list(queryset)
        AccessAttempt.objects.filter(pk__in=[attempt.pk for attempt in attempts]).delete()
        for user in User.objects.filter(username__in={attempt.username for attempt in attempts}):
            history.note(request.user, user, "Unlocked the log-in.")
        number = len(attempts)
        messages.success(
            request, f"{number} record{'s' * (number != 1)} of failed log-ins deleted."
        )
