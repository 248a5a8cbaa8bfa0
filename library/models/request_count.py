"""Numbers of requests per client and minute, shared by all processes."""

from uuid import UUID

from django.db import connection, models

_ADD = """
    INSERT INTO library_requestcount AS known (client, minute, count) VALUES (%s, %s, %s)
    ON CONFLICT (client) DO UPDATE SET count = known.count + excluded.count
    RETURNING count
"""


class RequestCountQuerySet(models.QuerySet["RequestCount"]):
    """The counts of this minute, and of earlier ones that have not been purged yet."""

    def add(self, client: UUID, minute: int, count: int) -> int:
        """Add requests and return the new total of all processes.

        It is one statement, so that no count is lost between two processes.
        """
        with connection.cursor() as cursor:
            cursor.execute(_ADD, [client, minute, count])
            total: int = cursor.fetchone()[0]
            return total

    def purge(self, minute: int) -> None:
        """Delete counts older than the minute before this one."""
        self.filter(minute__lt=minute - 1).delete()


class RequestCount(models.Model):
    """A client's requests in one minute.

    The migration makes the table UNLOGGED: no commit waits for the disk. A crash of PostgreSQL
    empties it, which does no harm.
    """

    # A keyed hash of client, kind of request and minute (api/throttles.py), so that the rows of
    # one client in two minutes cannot be linked.
    client = models.UUIDField(primary_key=True)
    minute = models.PositiveIntegerField()  # since 1970; no index, the table is small
    count = models.PositiveIntegerField()

    objects = RequestCountQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.count} in minute {self.minute}"
