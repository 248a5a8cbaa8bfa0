"""Webhooks: who is sent the changes of the feed, how far they were delivered, and the log of it."""

import base64
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinLengthValidator
from django.db import connection, models
from django.db.models import Q
from django.utils import timezone

from library.models.text import LineField
from library.validators import validate_webhook_url

NAME_LENGTH, URL_LENGTH = 100, 2000
SECRET_PREFIX = "whsec_"  # noqa: S105  # of Standard Webhooks
SECRET_BYTES = 32
PREVIOUS_SECRET_VALID = timedelta(hours=24)  # after a new one was made; both sign meanwhile
MOST_PREVIOUS_SECRETS = 3  # each adds a signature to every message
LOG_KEPT = timedelta(days=14)

_ADD = """
INSERT INTO library_webhooktally AS known (outcome, number) VALUES (%s, 1)
ON CONFLICT (outcome) DO UPDATE SET number = known.number + 1
"""


class ChangeKind(models.TextChoices):
    """What can happen to a public clip."""

    PUBLISHED = "published"
    UPDATED = "updated"
    WITHDRAWN = "withdrawn"
    DELETED = "deleted"
    RESTORED = "restored"


class PauseReason(models.TextChoices):
    """Why nothing is delivered."""

    EDITOR = "editor", "an editor paused it"
    GONE = "receiver_gone", "the receiver responded with 410 Gone"
    FAILING = "failed_for_a_day", "every attempt of a day failed"


def every_change() -> list[str]:
    """Return all kinds of changes: the default of a new webhook."""
    return [str(kind) for kind in ChangeKind]


def new_secret() -> str:
    """Return a secret of 256 random bits, in the format of Standard Webhooks."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


class TooManySecretsError(Exception):
    """A webhook has MOST_PREVIOUS_SECRETS that are still valid."""


class WebhookQuerySet(models.QuerySet["Webhook"]):
    """Webhooks, including paused ones."""

    def due(self) -> "WebhookQuerySet":
        """Return those that are not paused and do not wait for their next attempt."""
        now = timezone.now()
        return self.filter(Q(next_attempt_at=None) | Q(next_attempt_at__lte=now), paused_at=None)

    def paused_by_service(self) -> "WebhookQuerySet":
        """Return those that the service has paused, so that an editor has to act."""
        return self.exclude(paused_reason__in=("", PauseReason.EDITOR))


class Webhook(models.Model):
    """A subscription: the changes of clips are sent to its URL, in the order of the feed.

    `cursor` is the number of the last change that was delivered. A message is fixed before its
    first attempt, so that each repetition has the same id and the same changes: those after
    `cursor`, up to `message_until`.
    """

    name = LineField(max_length=NAME_LENGTH, help_text="What receives the changes.")
    url = models.CharField(
        "URL",
        max_length=URL_LENGTH,
        validators=[validate_webhook_url],
        help_text="Where changes are sent: https, and a public host.",
    )
    changes = ArrayField(
        models.CharField(max_length=9, choices=ChangeKind),
        default=every_change,
        validators=[MinLengthValidator(1, "Choose at least one kind of change.")],
        help_text="The kinds of changes that are sent.",
    )
    secret = models.CharField(max_length=100, default=new_secret, editable=False)
    # The latest first, each with the time until which it signs.
    previous_secrets = ArrayField(
        models.CharField(max_length=100), default=list, blank=True, editable=False
    )
    previous_secrets_until = ArrayField(
        models.DateTimeField(), default=list, blank=True, editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    cursor = models.BigIntegerField(default=0, editable=False)
    message_id = models.CharField(max_length=40, blank=True, editable=False)
    message_until = models.BigIntegerField(null=True, editable=False)
    message_at = models.DateTimeField(null=True, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)  # of this message
    failing_since = models.DateTimeField(null=True, editable=False)
    next_attempt_at = models.DateTimeField(null=True, editable=False)
    delivered_at = models.DateTimeField("last delivery", null=True, editable=False)
    paused_at = models.DateTimeField(null=True, editable=False)
    paused_reason = models.CharField(max_length=16, blank=True, choices=PauseReason, editable=False)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> str:
        """`active`, `failing` while a message is tried again, or `paused`."""
        if self.paused_at is not None:
            return "paused"
        return "failing" if self.failing_since else "active"

    def secrets(self) -> list[str]:
        """Return the secrets that sign now, the latest first."""
        return [self.secret, *(secret for secret, _ in self._previous())]

    @property
    def previous_secret_until(self) -> datetime | None:
        """Until when the secret before the current one signs, or None if it no longer does."""
        return next((until for _, until in self._previous()), None)

    def rotate_secret(self) -> str:
        """Replace the secret and return the new one. The previous stays valid for a day.

        Raises TooManySecretsError.
        """
        previous = self._previous()
        if len(previous) >= MOST_PREVIOUS_SECRETS:
            raise TooManySecretsError
        previous.insert(0, (self.secret, timezone.now() + PREVIOUS_SECRET_VALID))
        self.secret = new_secret()
        self.previous_secrets = [secret for secret, _ in previous]
        self.previous_secrets_until = [until for _, until in previous]
        self.save(update_fields=["secret", "previous_secrets", "previous_secrets_until"])
        return self.secret

    def _previous(self) -> list[tuple[str, datetime]]:
        """Return the previous secrets that still sign, and until when."""
        now = timezone.now()
        known = zip(self.previous_secrets, self.previous_secrets_until, strict=True)
        return [(secret, until) for secret, until in known if until > now]

    def pause(self, reason: PauseReason = PauseReason.EDITOR) -> None:
        """Deliver nothing until `resume`."""
        self.paused_at, self.paused_reason = timezone.now(), reason
        self.save(update_fields=["paused_at", "paused_reason"])

    def resume(self) -> None:
        """Continue with the first change that was not delivered, at once."""
        self.paused_at, self.paused_reason = None, ""
        self.try_now()
        self.save(update_fields=["paused_at", "paused_reason", *TRIES])

    def try_now(self) -> None:
        """Forget the failures, so that the next attempt is made at once. The caller saves TRIES."""
        self.failures, self.failing_since, self.next_attempt_at = 0, None, None

    def forget_message(self) -> None:
        """Let the next message be another one. The caller saves MESSAGE."""
        self.message_id, self.message_until, self.message_at = "", None, None

    def save_form(self, changed: Iterable[str]) -> None:
        """Save these of the fields `name`, `url` and `changes`, with what follows from them."""
        written = set(changed)
        if "changes" in written:
            self.forget_message()
            written.update(MESSAGE)
        if written & {"url", "changes"}:
            self.try_now()
            written.update(TRIES)
        self.save(update_fields=written)


TRIES = ("failures", "failing_since", "next_attempt_at")
MESSAGE = ("message_id", "message_until", "message_at")


class DeliveryKind(models.TextChoices):
    """Why a message was sent."""

    CHANGES = "changes"
    TEST = "test"
    RESEND = "resend"


class DeliveryOutcome(models.TextChoices):
    """How an attempt ended."""

    DELIVERED = "delivered"
    FAILED = "failed"


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    """Attempts of the last days."""

    def with_outcome(self, outcome: str) -> "WebhookDeliveryQuerySet":
        """Return those that ended so."""
        delivered = outcome == DeliveryOutcome.DELIVERED
        return self.filter(code="") if delivered else self.exclude(code="")

    def prune(self) -> int:
        """Delete old entries, and return how many."""
        return self.filter(at__lt=timezone.now() - LOG_KEPT).delete()[0]


class WebhookDelivery(models.Model):
    """An attempt to deliver a message. It was delivered if `code` is empty.

    The changes are those of `kinds` after `after`, up to `until`; a test has none.
    """

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries", db_index=False)
    kind = models.CharField(max_length=7, choices=DeliveryKind)
    message_id = models.CharField(max_length=40)
    message_at = models.DateTimeField()
    kinds = ArrayField(models.CharField(max_length=9), default=list)
    after = models.BigIntegerField(null=True)
    until = models.BigIntegerField(null=True)
    number = models.PositiveIntegerField("changes", default=0)
    at = models.DateTimeField("time", default=timezone.now, db_index=True)  # for pruning
    seconds = models.FloatField()
    status = models.PositiveSmallIntegerField("HTTP status", null=True)
    code = models.CharField(max_length=32, blank=True)
    response = models.TextField(blank=True)  # its beginning

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        default_permissions = ()  # those who may view a webhook may view its log
        verbose_name = "webhook delivery"
        verbose_name_plural = "webhook deliveries"
        indexes = (models.Index(fields=("webhook", "-id"), name="webhook_delivery_newest"),)

    def __str__(self) -> str:
        return self.message_id

    @property
    def outcome(self) -> DeliveryOutcome:
        return DeliveryOutcome.FAILED if self.code else DeliveryOutcome.DELIVERED


class WebhookTallyQuerySet(models.QuerySet["WebhookTally"]):
    """The numbers of attempts since the first."""

    def add(self, outcome: DeliveryOutcome) -> None:
        """Count an attempt. One statement, so that none is lost."""
        with connection.cursor() as cursor:
            cursor.execute(_ADD, [outcome.value])


class WebhookTally(models.Model):
    """How many attempts ended so, of all webhooks. For metrics: the log is pruned."""

    outcome = models.CharField(max_length=16, choices=DeliveryOutcome, primary_key=True)
    number = models.PositiveBigIntegerField(default=0)

    objects = WebhookTallyQuerySet.as_manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.number} {self.outcome}"
