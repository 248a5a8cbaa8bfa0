"""Delete uploaded files that no clip has."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from library.sources import uploads

DEFAULT_HOURS = 24


class Command(BaseCommand):
    """Saving a clip deletes what it lets go; this is for what a killed process left behind."""

    help = "Delete uploaded files that no clip has, a deleted clip neither. It may run at any time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--hours",
            type=int,
            default=DEFAULT_HOURS,
            help=f"Leave files that are younger, at least 1 (default {DEFAULT_HOURS}).",
        )
        parser.add_argument("--dry-run", action="store_true", help="Tell what would be deleted.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["hours"] < 1:
            raise CommandError("--hours must be at least 1: an upload is saved before its clip is.")
        names = sorted(uploads.unused_uploads(timezone.now() - timedelta(hours=options["hours"])))
        if options["dry_run"]:
            for name in names:
                self.stdout.write(f"Would delete {name}")
        else:
            for name in tqdm(names, desc="Pruning", unit="file", disable=None):
                uploads.delete_if_unused(name)
                self.stdout.write(f"Deleted {name}")
        if not names:
            self.stdout.write("There is nothing to delete.")
