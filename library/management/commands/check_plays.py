"""Compare counters, tallies and events of plays; repair them if asked."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from tqdm import tqdm

from library.plays import partitions, recount
from library.plays.recount import Difference


class Command(BaseCommand):
    """Reports every difference; ends with status 1 if there is one and it is not repaired."""

    help = (
        "Compare what is counted of plays (clips' counters, tallies) with the play events, while "
        "the service runs. Ends with status 1 if they differ."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--repair",
            action="store_true",
            help="Make what differs anew: tallies from the events, counters from the tallies.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = self._compare()
        for difference in found:
            self.stdout.write(
                f"{difference.where} ({difference.key}): kept {difference.kept},"
                f" counted {difference.counted}"
            )
        if not found:
            self.stdout.write("Counters, tallies and events agree.")
            return
        if not options["repair"]:
            raise CommandError(f"{len(found)} differences; `check_plays --repair` mends them.")
        self._repair(found)
        left = len(self._compare())
        if left:
            raise CommandError(f"{left} differences are left after the repair.")
        self.stdout.write(f"{len(found)} differences repaired.")

    def _compare(self) -> list[Difference]:
        """All differences, at one moment: plays go on being recorded meanwhile."""
        months = partitions.existing()
        found: list[Difference] = []
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            for month in tqdm(months, desc="Comparing", unit="month", disable=None):
                found += recount.tally_differences(month)
            found += recount.total_differences()
        return found

    def _repair(self, found: list[Difference]) -> None:
        since = recount.events_since()
        clips = sorted({each.clip_id for each in found if each.clip_id is not None})
        for clip_id in tqdm(clips, desc="Repairing", unit="clip", disable=None):
            recount.rebuild(clip_id, since)
        recount.rebuild_library_tally()
