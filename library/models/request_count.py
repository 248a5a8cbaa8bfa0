"""How many requests a client has sent in a minute, counted by all processes together."""

from uuid import UUID

from django.db import connection, models

_ADD = """
    INSERT INTO library_requestcount AS known (client, minute, count) VALUES (%s, %s, %s)
    ON CONFLICT (client) DO UPDATE SET count = known.count + excluded.count
    RETURNING count
"""


class RequestCountQuerySet(models.QuerySet["RequestCount"]):
    """The counts of the running minute, and of those not yet purged."""

    def add(self, client: UUID, minute: int, count: int) -> int:
        """Count requests; returns how many there are now, from all processes.

        One statement, so that no count is lost between two processes.
        """
        with connection.cursor() as cursor:
            cursor.execute(_ADD, [client, minute, count])
            total: int = cursor.fetchone()[0]
            return total

    def purge(self, minute: int) -> None:
        """Delete what is older than the minute before this one."""
        self.filter(minute__lt=minute - 1).delete()


class RequestCount(models.Model):
    """A client's requests in one minute.

    The migration makes the table UNLOGGED: no commit waits for the disk, and after a crash of
    PostgreSQL it is empty, which costs nobody anything.
    """

    # A keyed hash of client, kind of request and minute (api/throttles.py): two minutes of one
    # client cannot be told to be the same client's.
    client = models.UUIDField(primary_key=True)
    minute = models.PositiveIntegerField()  # since 1970; no index, the table is small
    count = models.PositiveIntegerField()

    objects = RequestCountQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.count} in minute {self.minute}"
