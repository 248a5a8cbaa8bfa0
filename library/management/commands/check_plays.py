"""Compare the counters, tallies and events of plays, and repair them on request."""

from argparse import ArgumentParser
from collections import defaultdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from tqdm import tqdm

from library.plays import partitions, rebuild, recount
from library.plays.partitions import Partition

Wrong = defaultdict[int | None, set[Partition | None]]  # months to repair, by clip


class Command(BaseCommand):
    """Reports every difference. Exits with 1 if any is left."""

    help = (
        "Compare the counts of plays (clips' counters, tallies) with the play events. The service "
        "may be running. Exits with 1 if they differ."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--repair",
            action="store_true",
            help="Correct differences: recount tallies from events, and counters from tallies.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found, wrong = self._compare()
        if not found:
            self.stdout.write("Counters, tallies and events agree.")
            return
        if not options["repair"]:
            raise CommandError(
                f"{found} difference{'s' * (found != 1)}. "
                "Run `check_plays --repair` to correct them."
            )
        self._repair(wrong)
        left, _ = self._compare()
        if left:
            raise CommandError(f"{left} differences remain after the repair.")
        self.stdout.write(f"{found} difference{'s' * (found != 1)} repaired.")

    def _compare(self) -> tuple[int, Wrong]:
        """Report all differences in one snapshot, while plays are still being recorded."""
        found, wrong = 0, Wrong(set)
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                # Before the snapshot is taken: so no month in it can be dropped.
                cursor.execute("LOCK TABLE library_playevent IN ACCESS SHARE MODE")
            months = partitions.existing()
            for month in tqdm((*months, None), desc="Comparing", unit="month", disable=None):
                for difference in (
                    recount.tally_differences(month) if month else recount.total_differences()
                ):
                    with tqdm.external_write_mode():
                        self.stdout.write(
                            f"{difference.where} ({difference.key}): "
                            f"kept {difference.kept}, counted {difference.counted}"
                        )
                    found += 1
                    wrong[difference.clip_id].add(difference.month)
        return found, wrong

    def _repair(self, wrong: Wrong) -> None:
        clips = sorted(clip_id for clip_id in wrong if clip_id is not None)
        for clip_id in tqdm(clips, desc="Repairing", unit="clip", disable=None):
            for month in wrong[clip_id]:
                if month:
                    rebuild.rebuild_month(clip_id, month)
                else:
                    rebuild.recount_clips(clip_id)
        rebuild.rebuild_library_tally()
        rebuild.correct_number_of_clips()
