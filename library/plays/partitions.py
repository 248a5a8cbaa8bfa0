"""The partitions of the table of play events, one per month (UTC)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

LOCK = 0x506172744D  # "PartM"; any number that no other lock uses
AHEAD = 2  # months after the current one that have a partition
PREFIX = "library_playevent_"
PRUNED = "Pruned: to be dropped."  # the comment that marks a table for `drop_left_over`


@dataclass(frozen=True, order=True)
class Partition:
    """A month of plays, named by its first day."""

    month: date

    @property
    def table(self) -> str:
        return f"{PREFIX}{self.month:%Y_%m}"

    @property
    def since(self) -> datetime:
        return datetime(self.month.year, self.month.month, 1, tzinfo=UTC)

    @property
    def until(self) -> datetime:
        return self.after().since

    def after(self) -> "Partition":
        year, month = divmod(self.month.year * 12 + self.month.month, 12)
        return Partition(date(year, month + 1, 1))


def of(moment: datetime) -> Partition:
    """Return the partition of plays at this moment."""
    moment = moment.astimezone(UTC)
    return Partition(date(moment.year, moment.month, 1))


def existing() -> list[Partition]:
    """Return the partitions that exist, oldest first."""
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
    """Create missing partitions of this month and the next ones; return those created."""
    partition = of(timezone.now())
    made = []
    for _ in range(AHEAD + 1):
        if make(partition):
            made.append(partition)
        partition = partition.after()
    return made


def make(partition: Partition) -> bool:
    """Create a partition unless it exists; return whether it was created.

    The table is created first and then attached, because that takes no lock that plays or readers
    wait for.
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
    """Query the catalog directly, because `to_regclass` may use an outdated cache."""
    cursor.execute(
        "SELECT 1 FROM pg_class WHERE relname = %s AND pg_table_is_visible(oid)", [partition.table]
    )
    return cursor.fetchone() is not None


def drop(partition: Partition) -> None:
    """Drop a partition with its events. Neither plays nor readers wait for it.

    It waits for readers that started earlier. Don't call it in a transaction: detaching
    concurrently needs two transactions. In case this is interrupted, the comment marks the table
    for `drop_left_over`, which must not drop an operator's archive.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"COMMENT ON TABLE {partition.table} IS '{PRUNED}'")
        cursor.execute(
            f"ALTER TABLE library_playevent DETACH PARTITION {partition.table} CONCURRENTLY"
        )
        cursor.execute(f"DROP TABLE {partition.table}")


def drop_left_over() -> None:
    """Drop marked tables that an interrupted `drop` left detached or detaching."""
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
