"""Responses stored for requests that a client may repeat."""

from datetime import timedelta

from django.db import models
from django.utils import timezone

KEPT_FOR = timedelta(hours=24)
PURGED_AT_ONCE = 100


class IdempotentAnswerQuerySet(models.QuerySet["IdempotentAnswer"]):
    """Stored responses, including expired ones."""

    def purge(self) -> None:
        """Delete some expired responses. Every request that stores one calls this.

        SKIP LOCKED keeps two simultaneous requests from waiting for each other.
        """
        expired = self.filter(created_at__lt=timezone.now() - KEPT_FOR).order_by("created_at")
        some = expired.select_for_update(skip_locked=True).values("pk")[:PURGED_AT_ONCE]
        self.filter(pk__in=some).delete()


class IdempotentAnswer(models.Model):
    """The first response to a request with an Idempotency-Key.

    It is stored in the transaction of the request, so that neither exists without the other.
    """

    client = models.BinaryField(max_length=16)  # a keyed hash, see api/clients.py
    key = models.CharField(max_length=255)
    request = models.BinaryField(max_length=32)  # a hash of method, path and body
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField()
    body = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)  # for purging

    objects = IdempotentAnswerQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(name="idempotent_answer_once", fields=("client", "key")),
        )

    def __str__(self) -> str:
        return f"{self.status} to {self.key}"

    @property
    def expired(self) -> bool:
        return self.created_at < timezone.now() - KEPT_FOR
