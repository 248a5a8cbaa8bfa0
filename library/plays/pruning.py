"""Drop old play events. Counts and statistics stay."""

from collections.abc import Iterator
from datetime import timedelta

from django.db import connection
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from library.plays import partitions, recount
from library.plays.partitions import Partition

# A little over thirteen months, so that this month can be compared with last year's.
KEPT_DAYS = 400


class TalliesDifferError(Exception):
    """The tallies of a month differ from its events, which must therefore be kept."""

    def __init__(self, month: Partition) -> None:
        super().__init__(
            f"The tallies of {month.month:%Y-%m} differ from its events, which are therefore "
            "kept. Run `check_plays` for details, `check_plays --repair` to correct them."
        )


def old_months(days: int = KEPT_DAYS) -> list[Partition]:
    """Return the months all of whose events are older than so many days."""
    keep_since = timezone.now() - timedelta(days=days)
    return [month for month in partitions.existing() if month.until <= keep_since]


def prune(days: int = KEPT_DAYS) -> Iterator[str]:
    """Create the partitions of the coming months, drop the old ones, and yield what was done.

    Raises TalliesDifferError. Don't call it in a transaction.
    """
    old = old_months(days)
    for month in partitions.make_ahead():
        yield f"Created {month.table}"
    partitions.drop_left_over()
    for month in old:
        if next(iter(recount.tally_differences(month)), None) is not None:
            raise TalliesDifferError(month)
        description = describe(month)
        partitions.drop(month)
        yield f"Dropped {description}"


def describe(month: Partition) -> str:
    """Return the number and the size of a month's events."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), pg_total_relation_size('{month.table}') FROM {month.table}"  # noqa: S608 - a table name from the catalog
        )
        events, size = cursor.fetchone()
    return f"{month.table}: {events} events, {filesizeformat(size)}"
