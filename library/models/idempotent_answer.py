"""First answers to requests that a client may send again."""

from datetime import timedelta

from django.db import models
from django.utils import timezone

KEPT_FOR = timedelta(hours=24)
PURGED_AT_ONCE = 100


class IdempotentAnswerQuerySet(models.QuerySet["IdempotentAnswer"]):
    """Answers, some of which may be past their time."""

    def purge(self) -> None:
        """Delete some of those past their time; each request that adds one calls this.

        SKIP LOCKED: two requests that purge at once would otherwise wait for each other.
        """
        past = self.filter(created_at__lt=timezone.now() - KEPT_FOR).order_by("created_at")
        some = past.select_for_update(skip_locked=True).values("pk")[:PURGED_AT_ONCE]
        self.filter(pk__in=some).delete()


class IdempotentAnswer(models.Model):
    """What a client was answered to the request that bore an Idempotency-Key.

    Written in the transaction of what it answers, so there is no answer without its effect and no
    effect without its answer.
    """

    client = models.BinaryField(max_length=16)  # a keyed hash, see api/clients.py
    key = models.CharField(max_length=255)
    request = models.BinaryField(max_length=32)  # a hash of what was asked
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField()
    body = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)  # for purging

    objects = IdempotentAnswerQuerySet.as_manager()

    class Meta:
        """A key is one client's own."""

        constraints = (
            models.UniqueConstraint(name="idempotent_answer_once", fields=("client", "key")),
        )

    def __str__(self) -> str:
        return f"{self.status} to {self.key}"

    @property
    def expired(self) -> bool:
        """Whether it counts no more."""
        return self.created_at < timezone.now() - KEPT_FOR
