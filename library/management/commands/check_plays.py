"""Compare counters, tallies and events of plays; repair them if asked."""

from argparse import ArgumentParser
from collections import defaultdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from tqdm import tqdm

from library.plays import partitions, rebuild, recount
from library.plays.partitions import Partition
from library.plays.recount import Difference

Wrong = defaultdict[int | None, set[Partition | None]]  # months to mend, by clip


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
        found, wrong = self._compare()
        if not found:
            self.stdout.write("Counters, tallies and events agree.")
            return
        if not options["repair"]:
            raise CommandError(f"{found} differences; `check_plays --repair` mends them.")
        self._repair(wrong)
        left, _ = self._compare()
        if left:
            raise CommandError(f"{left} differences are left after the repair.")
        self.stdout.write(f"{found} differences repaired.")

    def _compare(self) -> tuple[int, Wrong]:
        """Report all differences, at one moment: plays go on being recorded meanwhile."""
        found, wrong = 0, Wrong(set)
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                # Before the moment begins: no month is dropped that this moment still knows.
                cursor.execute("LOCK TABLE library_playevent IN ACCESS SHARE MODE")
            months = partitions.existing()
            for month in tqdm((*months, None), desc="Comparing", unit="month", disable=None):
                for difference in (
                    recount.tally_differences(month) if month else recount.total_differences()
                ):
                    self._report(difference)
                    found += 1
                    wrong[difference.clip_id].add(difference.month)
        return found, wrong

    def _report(self, found: Difference) -> None:
        with tqdm.external_write_mode():
            self.stdout.write(
                f"{found.where} ({found.key}): kept {found.kept}, counted {found.counted}"
            )

    def _repair(self, wrong: Wrong) -> None:
        clips = sorted(clip_id for clip_id in wrong if clip_id is not None)
        for clip_id in tqdm(clips, desc="Repairing", unit="clip", disable=None):
            for month in wrong[clip_id]:
                if month:
                    rebuild.rebuild_month(clip_id, month)
                else:
                    rebuild.recount_clips(clip_id)
        rebuild.rebuild_library_tally()
