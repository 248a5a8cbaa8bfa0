"""Log-ins, failed ones, and what is locked by them: the records of django-axes, to be read."""

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
    """Records of the latest attempts."""

    list_per_page = 50
    sortable_by = ()  # the latest first: nothing else has an index
    ordering = ("-id",)
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    search_fields = ("username",)
    search_help_text = "A user name, or a part of one"
    actions: Any = None

    @admin.display(description="time")
    def time(self, record: Any) -> str:
        """When it was."""
        return to_the_second(record.attempt_time)


@admin.register(AccessLog)
class LoginAdmin(LoginRecords):
    """Who has logged in."""

    list_display = ("username", "time", "logout_time", "ip_address")
    fields = ("username", "time", "logout_time", "ip_address", "user_agent")


@admin.register(AccessFailureLog)
class FailureAdmin(LoginRecords):
    """Who has failed to."""

    list_display = ("username", "time", "shown_lock", "ip_address")
    fields = ("username", "time", "locked_out", "ip_address", "user_agent")
    list_filter = ("locked_out",)

    @display(description="led to", label={"lock": "danger"})
    def shown_lock(self, failure: AccessFailureLog) -> str:
        """Whether no more were let through."""
        return "lock" if failure.locked_out else "-"


@admin.register(AccessAttempt)
class AttemptAdmin(LoginRecords):
    """Failures that count against the limits now, and can be forgotten."""

    list_display = ("username", "ip_address", "failures_since_start", "shown_state", "time")
    fields = ("username", "time", "failures_since_start", "ip_address", "user_agent")
    actions = ("unlock",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessAttempt]:
        """Those that are not over, with what their limits count; axes drops them at times."""
        still = timezone.now() - settings.AXES_COOLOFF_TIME
        count = Sum("failures_since_start")
        attempts: Any = super().get_queryset(request)
        counted: QuerySet[AccessAttempt] = attempts.filter(attempt_time__gte=still).annotate(
            of_name=Window(count, partition_by=["username", "ip_address"]),
            of_network=Window(count, partition_by=["ip_address"]),
        )
        return counted

    @display(description="state", label={"locked": "danger", "counted": "warning"})
    def shown_state(self, attempt: Any) -> str:
        """Whether more are let through."""
        failures = max(attempt.of_name, attempt.of_network // NETWORK_FACTOR)
        return "locked" if failures >= settings.AXES_FAILURE_LIMIT else "counted"

    def has_unlock_permission(self, request: HttpRequest) -> bool:
        """Whoever may delete what counts."""
        return isinstance(request.user, User) and request.user.has_perm("axes.delete_accessattempt")

    @admin.action(description="Unlock selected", permissions=["unlock"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[AccessAttempt]) -> None:
        """Forget these failures; the log tells whose they were, and not where they came from."""
        attempts = list(queryset)
        AccessAttempt.objects.filter(pk__in=[attempt.pk for attempt in attempts]).delete()
        for user in User.objects.filter(username__in={attempt.username for attempt in attempts}):
            history.note(request.user, user, "Unlocked the log-in.")
        messages.success(request, f"Forgotten: {len(attempts)}.")
