"""Restore a backup that `manage.py backup` has made."""

import shutil
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection

from library.management.backups import archive, database
from library.models import Clip


class Command(BaseCommand):
    """Checks everything before it changes anything. The service must be stopped."""

    help = (
        "Replace the database by that of a backup, and put its files back. The service must be "
        "stopped, and migrates the database when it starts."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="The file of the backup.")
        parser.add_argument(
            "--yes", action="store_true", help="Do not ask before clips and plays are replaced."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["path"].absolute()
        database.refuse_root()
        try:
            with archive.reading(path) as (manifest, opened):
                self._check_database()
                self._confirm(manifest, options["yes"])
                self._restore(path, manifest, opened)
        except OSError as error:
            raise CommandError(f"{error.filename or path}: {error.strerror}.") from None
        self.stdout.write(
            f"Restored {manifest.clips:,} clips, {manifest.plays:,} plays and {manifest.files:,} "
            f"files as of {manifest.made_at}. Start the service now."
        )

    def _check_database(self) -> None:
        try:
            others = database.others()
        except OperationalError as error:
            raise CommandError(f"PostgreSQL cannot be reached: {error}") from None
        if others:
            raise CommandError(
                f"Stop the service first: the database is used by {', '.join(others)}."
            )

    def _confirm(self, manifest: archive.Manifest, agreed: bool) -> None:
        if agreed or "library_clip" not in connection.introspection.table_names():
            return
        now = Clip.objects.count()
        self.stdout.write(
            f"This replaces {now:,} clips by {manifest.clips:,} clips of {manifest.made_at}."
        )
        try:
            answer = input("Type yes to continue: ")
        except EOFError:
            raise CommandError("Nothing was changed. Repeat the command with --yes.") from None
        if answer.strip().lower() != "yes":
            raise CommandError("Nothing was changed.")

    def _restore(self, path: Path, manifest: archive.Manifest, opened: Any) -> None:
        """Put the files back first: those that no clip uses do no harm, missing ones would."""
        local = Path(settings.LOCAL_DIR)
        needed, free = path.stat().st_size, shutil.disk_usage(local).free
        if free < needed:
            raise CommandError(f"{local} has {free:,} bytes free, and the backup {needed:,}.")
        with TemporaryDirectory(prefix="restore-", dir=local) as folder:
            dump = archive.extract_dump(opened, manifest, Path(folder))
            archive.extract_files(opened, manifest, local)
            database.restore(dump)
