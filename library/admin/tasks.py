"""The queue of tasks: what waits, runs or has failed, and why."""

import json
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from procrastinate.contrib.django.models import ProcrastinateJob
from unfold.contrib.filters.admin import DropdownFilter
from unfold.paginator import InfinitePaginator

from library.admin.base import ModelAdmin, ReadOnly, display, to_the_second
from library.models import Task, TaskError
from library.models.task import STATUSES, TaskQuerySet, title_of

admin.site.unregister(ProcrastinateJob)

ALL = "all"
OPEN = ("todo", "doing", "failed")
EVENTS = {
    "deferred": "put into the queue",
    "started": "started",
    "deferred_for_retry": "interrupted or failed, to be tried again",
    "retried": "retried by an administrator",
    "scheduled": "next attempt",
    "abort_requested": "stop requested",
}
VARIANT = ("part", "format", "quality")  # arguments of a task that makes a rendition
LINK = '<a href="{}" class="underline">{}</a>'
LONGEST_ERROR = 160  # characters in the list


class StatusFilter(DropdownFilter):  # type: ignore[misc]
    """Tasks that may need attention, those in one state, or all."""

    title = "status"
    parameter_name = "state"
    all_option = ("", "Waiting, running or failed")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*STATUSES.items(), (ALL, "all")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        chosen = self.value() or ""
        if chosen == ALL:
            return queryset
        return queryset.filter(status__in=[chosen] if chosen in STATUSES else OPEN)


class NameFilter(DropdownFilter):  # type: ignore[misc]
    """Tasks with one name, of those that have ever run."""

    title = "task"
    parameter_name = "task"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, title_of(name)) for name in Task.objects.names()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        return queryset.filter(task_name=self.value()) if self.value() else queryset


@admin.register(Task)
class TaskAdmin(ReadOnly, ModelAdmin[Task]):
    """The tasks, the latest first. Administrators retry failed ones and cancel waiting ones."""

    list_display = ("name", "subject", "shown_status", "times", "tries", "shown_error")
    list_select_related = ("last_error",)
    list_filter = (StatusFilter, NameFilter)
    list_filter_submit = True
    list_per_page = 50
    sortable_by = ()
    ordering = ("-id",)
    paginator = InfinitePaginator  # counts nothing: a library may have many tasks
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions = ("retry", "cancel")
    fields = readonly_fields = (
        *("name", "subject", "shown_status", "queue_name", "arguments", "tries", "error"),
        "shown_events",
    )

    def get_queryset(self, request: HttpRequest) -> TaskQuerySet:
        tasks: Any = super().get_queryset(request)
        annotated: TaskQuerySet = tasks.with_times().with_clips()
        return annotated

    @admin.display(description="task")
    def name(self, task: Task) -> str:
        return title_of(task.task_name)

    @admin.display(description="clip")
    def subject(self, task: Any) -> str:
        """Return a link to the task's clip, with the variant of a rendition, or how many clips."""
        arguments = task.args or {}
        clip_id, several = arguments.get("clip_id"), len(arguments.get("clip_ids", ()))
        if clip_id is None:
            return f"{several:,} clip{'s' * (several != 1)}" if several else "-"
        shown = f"Clip {clip_id}"  # it does not exist any more
        if task.clip_title is not None:
            url = reverse("admin:library_clip_change", args=[clip_id])
            shown = format_html(LINK, url, task.clip_title)
        variant = ", ".join(arguments[name] for name in VARIANT if name in arguments)
        return format_html("<span>{}{}</span>", shown, f" ({variant})" if variant else "")

    @display(
        description="status",
        label={"waiting": "info", "running": "warning", "failed": "danger", "succeeded": "success"},
    )
    def shown_status(self, task: Task) -> str:
        return STATUSES[task.status]

    @admin.display(description="time (UTC)")
    def times(self, task: Any) -> str:
        """Return when it is tried again, or since when it waits, runs or has ended."""
        if task.status == "todo" and task.scheduled_at:
            return f"due {to_the_second(task.scheduled_at)}"
        moment = {"todo": task.created_at, "doing": task.started_at}.get(task.status)
        moment = moment or task.changed_at
        word = "ended" if task.status not in ("todo", "doing") else "since"
        return f"{word} {to_the_second(moment)}" if moment else "-"

    @admin.display(description="attempts")
    def tries(self, task: Task) -> int:
        """Return the number of attempts, with the one that runs."""
        return task.attempts + (task.status == "doing")

    @admin.display(description="last error")
    def shown_error(self, task: Task) -> str:
        text = self.error(task)
        shown = text if len(text) <= LONGEST_ERROR else f"{text[:LONGEST_ERROR]}…"
        return format_html("<span>{}</span>", shown)  # on a phone, the theme lays out elements

    @admin.display(description="last error")
    def error(self, task: Task) -> str:
        try:
            return str(task.last_error.message)
        except TaskError.DoesNotExist:
            return "-"

    @admin.display(description="arguments")
    def arguments(self, task: Task) -> str:
        return json.dumps(task.args, ensure_ascii=False) if task.args else "-"

    @admin.display(description="history (UTC)")
    def shown_events(self, task: Task) -> str:
        return format_html_join(
            "",
            "<div>{} {}</div>",
            ((to_the_second(at), EVENTS.get(type_, type_)) for at, type_ in task.events()),
        )

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and request.user.has_perm("library.change_task")

    has_cancel_permission = has_retry_permission

    @admin.action(description="Retry failed", permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        """Put failed tasks into the queue again, with all their attempts."""
        with transaction.atomic():
            retried, replaced = self._chosen(queryset).retry()
            self._note(request, retried, "Retried.")
        self._report(request, retried, "will run again", "Only failed tasks can be retried.")
        if replaced:
            messages.warning(
                request, f"Not retried, because the same task is waiting already: {replaced}."
            )

    @admin.action(description="Cancel waiting", permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        """Take waiting tasks out of the queue."""
        with transaction.atomic():
            cancelled = self._chosen(queryset).cancel()
            self._note(request, cancelled, "Cancelled.")
        self._report(request, cancelled, "cancelled", "Only waiting tasks can be cancelled.")

    def _chosen(self, queryset: QuerySet[Task]) -> TaskQuerySet:
        """Return the tasks without the list's annotations, which cannot be locked."""
        chosen: TaskQuerySet = Task.objects.filter(pk__in=[task.pk for task in queryset])
        return chosen

    def _note(self, request: HttpRequest, tasks: list[Task], what: str) -> None:
        if tasks:
            user_id = request.user.pk or 0
            LogEntry.objects.log_actions(user_id, tasks, CHANGE, what)

    def _report(self, request: HttpRequest, tasks: list[Task], done: str, otherwise: str) -> None:
        if number := len(tasks):
            messages.success(request, f"{number} task{'s' * (number != 1)} {done}.")
        else:
            messages.warning(request, otherwise)
