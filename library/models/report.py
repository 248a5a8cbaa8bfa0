"""Reports of clips by the public: what is wrong with a clip, and how editors settled it."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models, transaction
from django.db.models import Count, F, Q, Window
from django.utils import timezone

from library.models.clip import Clip
from library.models.text import BlockField, LineField

DETAILS_LENGTH, CONTACT_LENGTH, NOTE_LENGTH = 2000, 254, 300  # characters
MOST_MESSAGES = 200  # kept of a report, so that a flood does not fill the disk
# After a report was closed. Messages may contain personal data.
MESSAGES_KEPT, REPORTS_KEPT = timedelta(days=30), timedelta(days=365)
CLOSED_AT_ONCE = 200  # reports closed in one transaction, for which new reports wait


class Reason(models.TextChoices):
    """What is wrong with a clip."""

    SPAM = "spam"
    RIGHTS = "rights"
    BROKEN = "broken"


class Outcome(models.TextChoices):
    """How a report was settled. A trigger sets the last two when a clip leaves the library."""

    DISMISSED = "dismissed"
    FIXED = "fixed"
    WITHDRAWN = "withdrawn"
    DELETED = "deleted"


class ReportQuerySet(models.QuerySet["Report"]):
    """Reports, including closed ones."""

    def open(self) -> "ReportQuerySet":
        """Return the reports that wait for an editor."""
        return self.filter(closed_at=None)

    def receive(
        self,
        clip_id: int,
        reason: str,
        *,
        details: str = "",
        contact: str = "",
        client: UUID | None = None,
    ) -> "Report | None":
        """Store what a client reports, or return None if the public no longer has the clip.

        It becomes part of the clip's open report with this reason. If the client has already sent
        the same text, it is only counted.
        """
        with transaction.atomic():
            # The lock orders the reports of a clip. It also waits for a withdrawal, whose trigger
            # would not see a report that is not committed yet. NO KEY, so that other rows can refer
            # to the clip meanwhile.
            clips = Clip.objects.available().select_for_update(no_key=True)
            if not clips.filter(pk=clip_id).values_list("pk").first():
                return None
            same = self.open().filter(clip_id=clip_id, reason=reason)
            report = same.select_for_update().first() or self.create(clip_id=clip_id, reason=reason)
            text = {"details": details, "contact": contact}
            is_known = client and report.messages.filter(client=client, **text).exists()
            if not is_known:
                report.messages.create(client=client, **text).make_room()
            report.number = F("number") + 1
            report.latest_at = timezone.now()
            report.save(update_fields=["number", "latest_at"])
        return report

    def close(
        self, user: AbstractBaseUser | None, outcome: Outcome, note: str = ""
    ) -> list["Report"]:
        """Close those that are open, and return them. The caller provides the transaction.

        If two editors close the same report at once, one of them gets it and the other does not.
        """
        reports = list(
            self.open()
            .select_related("clip")
            .select_for_update(of=("self",))
            .order_by("clip_id", "pk")  # as far as possible in the order of a withdrawal's trigger
        )
        Report.objects.filter(pk__in=[report.pk for report in reports]).update(
            closed_at=timezone.now(), outcome=outcome, closed_by=user, note=note
        )
        return reports

    def prune(self) -> None:
        """Delete what was closed long ago: first the messages, later the reports."""
        now = timezone.now()
        ReportMessage.objects.filter(report__closed_at__lt=now - MESSAGES_KEPT).delete()
        self.filter(closed_at__lt=now - REPORTS_KEPT).delete()


class Report(models.Model):
    """What the public has reported about a clip for one reason, until an editor settles it.

    So a flood of reports about a clip is one row for editors.
    """

    clip = models.ForeignKey(Clip, models.PROTECT, related_name="reports", editable=False)
    reason = models.CharField(max_length=6, choices=Reason, editable=False)
    number = models.PositiveIntegerField("reports", default=0, editable=False)
    created_at = models.DateTimeField("first", default=timezone.now, editable=False)
    latest_at = models.DateTimeField("latest", default=timezone.now, editable=False)
    closed_at = models.DateTimeField("closed", null=True, editable=False)
    closed_by = models.ForeignKey(  # NULL if the trigger closed it
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    outcome = models.CharField(max_length=9, choices=Outcome, blank=True, editable=False)
    note = LineField(max_length=NOTE_LENGTH, blank=True, editable=False)

    objects = ReportQuerySet.as_manager()

    class Meta:
        ordering = ("-latest_at", "-id")
        default_permissions = ("view", "change")  # the public adds them, and time deletes them
        indexes = (
            # The queue, and the list of all.
            models.Index(
                fields=("-latest_at", "-id"), name="report_open", condition=Q(closed_at=None)
            ),
            models.Index(fields=("-latest_at", "-id"), name="report_latest"),
        )
        constraints = (
            models.UniqueConstraint(  # also finds the open reports of a clip
                name="report_open_once", fields=("clip", "reason"), condition=Q(closed_at=None)
            ),
            models.CheckConstraint(
                name="report_closed_with_outcome",
                condition=Q(closed_at=None) ^ ~Q(outcome=""),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_reason_display()}: {self.clip}"

    @property
    def state(self) -> str:
        """`open`, or the outcome."""
        return self.outcome or "open"


class ReportMessage(models.Model):
    """What one client wrote. `client` is a hash whose key is destroyed after the day."""

    report = models.ForeignKey(Report, models.CASCADE, related_name="messages", db_index=False)
    at = models.DateTimeField("time", default=timezone.now)
    details = BlockField(max_length=DETAILS_LENGTH, blank=True)
    contact = models.CharField(max_length=CONTACT_LENGTH, blank=True)
    client = models.UUIDField(null=True)

    class Meta:
        ordering = ("-id",)
        default_permissions = ()  # those who may view a report may read its messages
        indexes = (models.Index(fields=("report", "-id"), name="report_message_newest"),)

    def __str__(self) -> str:
        return self.details[:50] or "no details"

    def make_room(self) -> None:
        """Delete another message of the report if it has too many. The caller locks the report.

        The client with the most messages loses one, first one without an address, then the oldest:
        so a flood from a few networks replaces itself, and not what others wrote.
        """
        others = ReportMessage.objects.filter(report=self.report_id).exclude(pk=self.pk)
        if others.count() >= MOST_MESSAGES:
            sent = Window(Count("*"), partition_by="client")
            ranked = others.annotate(sent=sent, is_anonymous=Q(contact=""))
            ranked.order_by("-sent", "-is_anonymous", "pk")[0].delete()
