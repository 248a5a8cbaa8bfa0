"""Drop old play events. Counts and statistics stay."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from library.plays import pruning


class Command(BaseCommand):
    """Drops monthly partitions. Statistics read the tallies, which stay."""

    help = (
        "Drop the play events of whole months older than --days. All counts and statistics stay. "
        "Also creates the partitions of the coming months. The worker does this daily."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--days",
            type=int,
            default=pruning.KEPT_DAYS,
            help="Keep the events of this many days, at least 2 (default %(default)s).",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Only show what would be dropped."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["days"]
        if days < 2:
            raise CommandError("--days must be at least 2: the events identify today's listeners.")
        old = pruning.old_months(days)
        if options["dry_run"]:
            for month in old:
                self.stdout.write(f"Would drop {pruning.describe(month)}")
        else:
            try:
                for line in pruning.prune(days):
                    self.stdout.write(line)
            except pruning.TalliesDifferError as error:
                raise CommandError(str(error)) from None
        if not old:
            self.stdout.write("Nothing to drop.")
