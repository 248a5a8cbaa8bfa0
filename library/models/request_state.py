"""State of requests: stored answers to repeated requests, and counts for the rate limits."""

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.utils import timezone

KEPT_FOR = timedelta(hours=24)
PURGED_AT_ONCE = 100

_ADD = """
    INSERT INTO library_requestcount AS known (client, minute, count) VALUES (%s, %s, %s)
    ON CONFLICT (client) DO UPDATE SET count = known.count + excluded.count
    RETURNING count
"""


class IdempotentAnswerQuerySet(models.QuerySet["IdempotentAnswer"]):
    """Stored answers, including expired ones."""

    def oldest_if_full(self, client: bytes, limit: int) -> datetime | None:
        """Return the time of the client's oldest answer if it has `limit` that are in force."""
        valid = self.filter(client=client, created_at__gte=timezone.now() - KEPT_FOR)
        times = valid.order_by("-created_at").values_list("created_at", flat=True)
        return times[limit - 1 : limit].first()

    def expired(self) -> "IdempotentAnswerQuerySet":
        """Return the answers that no longer count."""
        return self.filter(created_at__lt=timezone.now() - KEPT_FOR)

    def purge(self) -> None:
        """Delete some expired responses. Every request that stores one calls this.

        SKIP LOCKED keeps two simultaneous requests from waiting for each other.
        """
        expired = self.expired().order_by("created_at")
        some = expired.select_for_update(skip_locked=True).values("pk")[:PURGED_AT_ONCE]
        self.filter(pk__in=some).delete()


class IdempotentAnswer(models.Model):
    """The clips that a request with an Idempotency-Key has added.

    They are stored in the transaction of the request, so that neither exists without the other.
    """

    client = models.BinaryField(max_length=16)  # a keyed hash, see api/clients.py
    key = models.CharField(max_length=255)
    request = models.BinaryField(max_length=32)  # a hash of method, path and body
    clips = ArrayField(models.BigIntegerField())  # their ids, in the order of the request
    created_at = models.DateTimeField(default=timezone.now, db_index=True)  # for purging

    objects = IdempotentAnswerQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(name="idempotent_answer_once", fields=("client", "key")),
        )
        indexes = (  # counts those of a client
            models.Index(fields=("client", "created_at"), name="idempotent_answer_client"),
        )

    def __str__(self) -> str:
        return f"{len(self.clips)} clips of {self.key}"

    @property
    def expired(self) -> bool:
        return self.created_at < timezone.now() - KEPT_FOR


class RequestCountQuerySet(models.QuerySet["RequestCount"]):
    """The counts of this minute or day, and of earlier ones that have not been purged yet."""

    def add(self, client: UUID, minute: int, count: int) -> int:
        """Add requests and return the new total of all processes.

        It is one statement, so that no count is lost between two processes.
        """
        with connection.cursor() as cursor:
            cursor.execute(_ADD, [client, minute, count])
            total: int = cursor.fetchone()[0]
            return total

    def purge(self, minute: int) -> None:
        """Delete counts of periods that ended before the minute before this one."""
        self.filter(minute__lt=minute - 1).delete()


class RequestCount(models.Model):
    """A client's requests in one minute, or in one day.

    The migration makes the table UNLOGGED: no commit waits for the disk. A crash of PostgreSQL
    empties it, which does no harm.
    """

    # A keyed hash of client, kind of request and minute or day (api/throttles.py), so that the rows
    # of one client in two minutes cannot be linked.
    client = models.UUIDField(primary_key=True)
    minute = models.PositiveIntegerField()  # since 1970, the last of a day; no index: few rows
    count = models.PositiveIntegerField()

    objects = RequestCountQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.count} in minute {self.minute}"
