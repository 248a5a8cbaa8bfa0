"""Tasks as the back office shows them. procrastinate's worker and its functions write them."""

from datetime import datetime

from django.db import IntegrityError, connection, models, transaction
from django.db.models import BigIntegerField, OuterRef, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Now
from procrastinate.contrib.django.models import ProcrastinateEvent, ProcrastinateJob

from library.models.clip import Clip

# procrastinate's states, and their names in the back office.
STATUSES = {
    "todo": "waiting",
    "doing": "running",
    "failed": "failed",
    "succeeded": "succeeded",
    "cancelled": "cancelled",
    "aborted": "aborted",
}


def title_of(name: str) -> str:
    """Return a task's name in words."""
    return name.rpartition(".")[2].replace("_", " ").capitalize()


class TaskQuerySet(models.QuerySet["Task"]):
    """Tasks that wait, run, or have ended and are still kept."""

    def with_times(self) -> "TaskQuerySet":
        """Annotate `created_at`, `started_at` and `changed_at`, the time of the last change."""
        events = ProcrastinateEvent.objects.filter(job=OuterRef("pk")).order_by("-pk")
        past = events.exclude(type="scheduled")  # whose time may be in the future
        return self.annotate(
            created_at=Subquery(events.filter(type="deferred").values("at")[:1]),
            started_at=Subquery(events.filter(type="started").values("at")[:1]),
            changed_at=Subquery(past.values("at")[:1]),
        )

    def with_clips(self) -> "TaskQuerySet":
        """Annotate `clip_title`, of a task whose arguments name one clip that still exists."""
        clip_id = Cast(KeyTextTransform("clip_id", OuterRef("args")), BigIntegerField())
        return self.annotate(clip_title=Subquery(Clip.objects.filter(pk=clip_id).values("title")))

    def retry(self) -> tuple[list["Task"], int]:
        """Put the failed tasks into the queue again, with all their attempts.

        Return them, and the number of others that were not, because the same task waits already.
        """
        retried, replaced = [], 0
        for task in self.filter(status="failed").order_by("pk"):
            try:
                with transaction.atomic():
                    failed = Task.objects.filter(pk=task.pk, status="failed")  # still
                    if failed.update(status="todo", attempts=0, scheduled_at=Now()):
                        retried.append(task)
            except IntegrityError:  # of the queueing lock
                replaced += 1
        return retried, replaced

    def cancel(self) -> list["Task"]:
        """Take the waiting tasks out of the queue; return them."""
        with transaction.atomic():
            waiting = list(self.filter(status="todo").order_by("pk").select_for_update())
            self.filter(pk__in=[task.pk for task in waiting]).update(status="cancelled")
        return waiting

    def names(self) -> list[str]:
        """Return the names of the tasks that workers know or have known."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT task FROM library_tasktally ORDER BY task")
            return [name for (name,) in cursor]


class Task(ProcrastinateJob):
    """A job of procrastinate: a task's name, its arguments and the state of its execution."""

    # In place of the manager that refuses every change.
    objects = TaskQuerySet.as_manager()  # type: ignore[assignment,misc]

    class Meta:
        proxy = True
        verbose_name = "task"

    def __str__(self) -> str:
        return f"{title_of(self.task_name)} {self.pk}"

    def events(self) -> list[tuple[datetime, str]]:
        """Return the times and the types of the events, in their order.

        Not by time: that of an event is when its transaction began.
        """
        events = ProcrastinateEvent.objects.filter(job=self.pk).order_by("pk")
        return list(events.values_list("at", "type"))


class TaskError(models.Model):
    """The last error of a task. The migration creates the table, with the deletion in cascade."""

    job = models.OneToOneField(
        ProcrastinateJob,
        primary_key=True,
        on_delete=models.DO_NOTHING,  # PostgreSQL deletes it with the job
        related_name="last_error",
    )
    message = models.TextField()
    at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "library_taskerror"

    def __str__(self) -> str:
        return self.message
