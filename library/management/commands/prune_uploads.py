"""Delete uploaded files that belong to no clip."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from library.sources import uploads


class Command(BaseCommand):
    """Deletes files left behind by a killed process. Saving a clip deletes its previous file."""

    help = "Delete uploaded files that belong to no clip, not even to a deleted one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--hours",
            type=int,
            default=24,
            help="Keep files younger than this, at least 1 (default %(default)s).",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Only show what would be deleted."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["hours"] < 1:
            raise CommandError("--hours must be at least 1: an upload is saved before its clip.")
        names = sorted(uploads.unused_uploads(timezone.now() - timedelta(hours=options["hours"])))
        if options["dry_run"]:
            for name in names:
                self.stdout.write(f"Would delete {name}")
        else:
            for name in tqdm(names, desc="Pruning", unit="file", disable=None):
                uploads.delete_if_unused(name)
                self.stdout.write(f"Deleted {name}")
        if not names:
            self.stdout.write("Nothing to delete.")
