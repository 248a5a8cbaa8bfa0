"""The partitions of the plays, one for each month (UTC)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db import connection, transaction
from django.utils import timezone

LOCK = 0x506172744D  # "PartM"; any number that nobody else takes
AHEAD = 2  # months made ahead of the current one
PREFIX, PRUNED = "library_playevent_", "_pruned"


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
            " WHERE inhparent = 'library_playevent'::regclass AND relname NOT LIKE %s",
            [f"%{PRUNED}"],
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
        cursor.execute("SELECT to_regclass(%s)", [partition.table])
        if cursor.fetchone() != (None,):
            return False
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute("SELECT to_regclass(%s)", [partition.table])
        if cursor.fetchone() != (None,):  # another process was first
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


def drop(partition: Partition) -> None:
    """Drop a partition with its events; neither plays nor their readers wait for it.

    Not inside a transaction: detaching without a lock needs two of its own. The new name tells
    `drop_left_over`, should this be interrupted, what an operator's own archive is not.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {partition.table} RENAME TO {partition.table}{PRUNED}")
    drop_left_over()


def drop_left_over() -> None:
    """Drop what is marked to be dropped."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, inhdetachpending FROM pg_class"
            " LEFT JOIN pg_inherits ON inhrelid = pg_class.oid"
            " WHERE relkind = 'r' AND starts_with(relname, %s) AND relname LIKE %s"
            " AND pg_table_is_visible(pg_class.oid)",
            [PREFIX, f"%{PRUNED}"],
        )
        for name, detaching in cursor.fetchall():
            if detaching is not None:  # None: detached
                how = "FINALIZE" if detaching else "CONCURRENTLY"
                cursor.execute(f"ALTER TABLE library_playevent DETACH PARTITION {name} {how}")
            cursor.execute(f"DROP TABLE {name}")
