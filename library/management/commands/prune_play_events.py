"""Drop old play events. Counts and statistics stay."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from tqdm import tqdm

from library.plays import partitions, recount
from library.plays.partitions import Partition


class Command(BaseCommand):
    """Drops monthly partitions. Statistics read the tallies, which stay."""

    help = (
        "Drop the play events of whole months older than --days. All counts and statistics stay. "
        "Also creates the partitions of the coming months. Run it daily."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--days",
            type=int,
            # a little over thirteen months, so that this month can be compared with last year's
            default=400,
            help="Keep the events of this many days, at least 2 (default %(default)s).",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Only show what would be dropped."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["days"] < 2:
            raise CommandError("--days must be at least 2: the events identify today's listeners.")
        keep_since = timezone.now() - timedelta(days=options["days"])
        old = [month for month in partitions.existing() if month.until <= keep_since]
        if options["dry_run"]:
            for month in old:
                self.stdout.write(f"Would drop {self._describe(month)}")
        else:
            for month in partitions.make_ahead():
                self.stdout.write(f"Created {month.table}")
            partitions.drop_left_over()
            for month in tqdm(old, desc="Pruning", unit="month", disable=None):
                self._drop(month)
        if not old:
            self.stdout.write("Nothing to drop.")

    def _drop(self, month: Partition) -> None:
        """Drop a month, unless its tallies differ from its events."""
        if next(iter(recount.tally_differences(month)), None) is not None:
            raise CommandError(
                f"The tallies of {month.month:%Y-%m} differ from its events, which are therefore "
                "kept. Run `check_plays` for details, `check_plays --repair` to correct them."
            )
        description = self._describe(month)
        partitions.drop(month)
        self.stdout.write(f"Dropped {description}")

    def _describe(self, month: Partition) -> str:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT count(*), pg_total_relation_size('{month.table}') FROM {month.table}"  # noqa: S608 - a table name from the catalog
            )
            events, size = cursor.fetchone()
        return f"{month.table}: {events} events, {filesizeformat(size)}"
