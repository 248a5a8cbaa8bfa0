"""Drop old play events. Every count stays."""

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

DEFAULT_DAYS = 400  # a little over thirteen months: this month can be compared with last year's


class Command(BaseCommand):
    """Drops partitions, each a month; the tallies, which answer all statistics, are left alone."""

    help = (
        "Drop the play events of whole months that are older than --days. All counts and "
        "statistics stay. Also makes the coming months' partitions, so it may run daily."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--days",
            type=int,
            default=DEFAULT_DAYS,
            help=f"Keep events of so many days, at least 2 (default {DEFAULT_DAYS}).",
        )
        parser.add_argument("--dry-run", action="store_true", help="Tell what would be dropped.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["days"] < 2:
            raise CommandError("--days must be at least 2: today's listeners are told by events.")
        keep_since = timezone.now() - timedelta(days=options["days"])
        old = [month for month in partitions.existing() if month.until <= keep_since]
        if options["dry_run"]:
            for month in old:
                self.stdout.write(f"Would drop {self._told(month)}")
        else:
            for month in partitions.make_ahead():
                self.stdout.write(f"Made {month.table}")
            partitions.drop_left_over()
            for month in tqdm(old, desc="Pruning", unit="month", disable=None):
                self._drop(month)
        if not old:
            self.stdout.write("There is nothing to drop.")

    def _drop(self, month: Partition) -> None:
        """Drop a month, unless its tallies do not hold what its events tell."""
        if next(iter(recount.tally_differences(month)), None) is not None:
            raise CommandError(
                f"The tallies of {month.month:%Y-%m} differ from its events, which are therefore "
                "kept. `check_plays` tells more, `check_plays --repair` mends it."
            )
        told = self._told(month)
        partitions.drop(month)
        self.stdout.write(f"Dropped {told}")

    def _told(self, month: Partition) -> str:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT count(*), pg_total_relation_size('{month.table}') FROM {month.table}"  # noqa: S608 - a name of ours
            )
            events, size = cursor.fetchone()
        return f"{month.table}: {events} events, {filesizeformat(size)}"
