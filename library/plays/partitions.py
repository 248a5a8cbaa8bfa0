"""The partitions of the plays, one for each month (UTC)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

LOCK = 0x506172744D  # "PartM"; any number that nobody else takes
AHEAD = 2  # months made ahead of the current one
PREFIX = "library_playevent_"
PRUNED = "Pruned: to be dropped."  # the comment on a table tells `drop_left_over`


@dataclass(frozen=True, order=True)
class Partition:
    """A month of plays. The first day of it names its table."""

    month: date

    @property
    def table(self) -> str:
        """Its name."""
        return f"{PREFIX}{self.month:%Y_%m}"

    @property
    def since(self) -> datetime:
        """Its first instant."""
        return datetime(self.month.year, self.month.month, 1, tzinfo=UTC)

    @property
    def until(self) -> datetime:
        """The first instant after it."""
        return self.after().since

    def after(self) -> "Partition":
        """The month after it."""
        year, month = divmod(self.month.year * 12 + self.month.month, 12)
        return Partition(date(year, month + 1, 1))


def of(moment: datetime) -> Partition:
    """The partition for a play at this moment."""
    moment = moment.astimezone(UTC)
    return Partition(date(moment.year, moment.month, 1))


def existing() -> list[Partition]:
    """The partitions that there are, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
            " WHERE inhparent = 'library_playevent'::regclass AND NOT inhdetachpending"
        )
        names = [name for (name,) in cursor]
    return sorted(
        Partition(datetime.strptime(name, f"{PREFIX}%Y_%m").replace(tzinfo=UTC).date())
        for name in names
    )


def make_ahead() -> list[Partition]:
    """Make sure that this month and the next ones have their partitions; returns those made."""
    partition = of(timezone.now())
    made = []
    for _ in range(AHEAD + 1):
        if make(partition):
            made.append(partition)
        partition = partition.after()
    return made


def make(partition: Partition) -> bool:
    """Make a partition unless it exists.

    Attached rather than created in place: that takes no lock that plays or readers wait for.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if _exists(cursor, partition):
            return False
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        if _exists(cursor, partition):  # another process was first
            return False
        cursor.execute(
            f"CREATE TABLE {partition.table} (LIKE library_playevent"
            " INCLUDING DEFAULTS INCLUDING CONSTRAINTS) WITH (fillfactor = 85)"
        )
        cursor.execute(
            f"ALTER TABLE library_playevent ATTACH PARTITION {partition.table}"
            f" FOR VALUES FROM ('{partition.since.isoformat()}')"
            f" TO ('{partition.until.isoformat()}')"
        )
    return True


def _exists(cursor: CursorWrapper, partition: Partition) -> bool:
    """Asked of the catalog as it is now: `to_regclass` may know no better than a moment ago."""
    cursor.execute(
        "SELECT 1 FROM pg_class WHERE relname = %s AND pg_table_is_visible(oid)", [partition.table]
    )
    return cursor.fetchone() is not None


def drop(partition: Partition) -> None:
    """Drop a partition with its events; neither plays nor their readers wait for it.

    It waits itself for readers that have begun before. Not inside a transaction: detaching without
    a lock that plays would wait for needs two of its own. The comment tells `drop_left_over`,
    should this be interrupted, what an operator's own archive is not.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"COMMENT ON TABLE {partition.table} IS '{PRUNED}'")
        cursor.execute(
            f"ALTER TABLE library_playevent DETACH PARTITION {partition.table} CONCURRENTLY"
        )
        cursor.execute(f"DROP TABLE {partition.table}")


def drop_left_over() -> None:
    """Finish what was interrupted: drop what is marked and no more, or hardly, a partition."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, inhdetachpending FROM pg_class"
            " LEFT JOIN pg_inherits ON inhrelid = pg_class.oid"
            " WHERE relkind = 'r' AND starts_with(relname, %s) AND inhdetachpending IS NOT FALSE"
            " AND obj_description(pg_class.oid, 'pg_class') = %s"
            " AND pg_table_is_visible(pg_class.oid)",
            [PREFIX, PRUNED],
        )
        for name, detaching in cursor.fetchall():
            if detaching:
                cursor.execute(f"ALTER TABLE library_playevent DETACH PARTITION {name} FINALIZE")
            cursor.execute(f"DROP TABLE {name}")
