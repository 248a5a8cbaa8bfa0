"""Back up everything that cannot be made again: database, uploads, renditions, secrets."""

import os
import shutil
from argparse import ArgumentParser
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Sum
from django.template.defaultfilters import filesizeformat

from library.advisory_locks import LockHeldError, advisory_lock
from library.management.backups import archive, database
from library.models import Clip
from library.sources.storage import SAMPLES_PREFIX

LOCK = 0x4261636B7570  # "Backup"
STAGING = "backup-"  # prefix of the folder with links to the files


class Command(BaseCommand):
    """Runs while the service works. The files are those of the moment that the database shows."""

    help = (
        "Write the database, uploads, renditions and the secret key to one file, while the service "
        "runs. `manage.py restore` reads it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "path",
            type=Path,
            help="A new file, or a folder, in which the file is named by the time.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["path"].absolute()
        database.refuse_root()
        if path.is_dir():
            path /= f"clips-{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.tar"
        if path.exists():
            raise CommandError(f"{path} exists already.")
        if not path.parent.is_dir():
            raise CommandError(f"There is no folder {path.parent}. Create it first.")
        try:
            with advisory_lock(LOCK):
                manifest = self._back_up(path)
        except OperationalError as error:
            raise CommandError(f"PostgreSQL cannot be reached: {error}") from None
        except ProgrammingError:
            raise CommandError("The database has no library: run `manage.py prepare`.") from None
        except LockHeldError as error:
            raise CommandError(f"Another backup is being made, by {error}.") from None
        except OSError as error:
            raise CommandError(f"{error.filename or path}: {error.strerror}.") from None
        self.stdout.write(
            f"Backed up {manifest.clips:,} clips, {manifest.plays:,} plays and {manifest.files:,} "
            f"files to {path} ({filesizeformat(path.stat().st_size)})."
        )

    def _back_up(self, path: Path) -> archive.Manifest:
        """Dump the database, and link to the files of the same moment before any is deleted."""
        local = Path(settings.LOCAL_DIR)
        for left_over in local.glob(f"{STAGING}*"):  # by one that was killed
            shutil.rmtree(left_over, ignore_errors=True)
        staging = Path(mkdtemp(prefix=STAGING, dir=local))
        try:
            media = staging / archive.MEDIA
            with database.snapshot() as snapshot:
                _link(Path(settings.MEDIA_ROOT), media)
                self._report_missing(media)
                database.dump(snapshot, staging / archive.DUMP)
                manifest = _manifest(staging)
            secrets = [local / name for name in archive.SECRETS if (local / name).exists()]
            archive.write(path, manifest, staging / archive.DUMP, secrets, media)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return manifest

    def _report_missing(self, media: Path) -> None:
        names = Clip.objects.exclude(audio_file="").exclude(audio_file__startswith=SAMPLES_PREFIX)
        for pk, name in names.values_list("pk", "audio_file").iterator():
            if not (media / name).exists():
                self.stderr.write(f"Warning: the upload of clip {pk} is missing: {name}")


def _link(source: Path, target: Path) -> None:
    """Link to all files, so that they stay while they are copied even if the service deletes them.

    Copy them where links are impossible. Uploads and renditions never change.
    """
    target.mkdir()
    for path in archive.files_in(source):
        if path.name.endswith((".tmp", ".unfinished")):
            continue
        linked = target / path.relative_to(source)
        linked.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # just deleted
            try:
                os.link(path, linked)
            except PermissionError:
                shutil.copy2(path, linked)


def _manifest(staging: Path) -> archive.Manifest:
    totals = Clip.objects.aggregate(plays=Sum("play_count"))
    latest: dict[str, str] = {}
    for app, name in sorted(MigrationRecorder(connection).applied_migrations()):
        latest[app] = name
    files = [path.stat().st_size for path in archive.files_in(staging / archive.MEDIA)]
    with (staging / archive.DUMP).open("rb") as dump:
        digest = file_digest(dump, "sha256").hexdigest()
    return archive.Manifest(
        version=settings.VERSION,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        migrations=[f"{app}.{name}" for app, name in latest.items()],
        clips=Clip.objects.count(),
        plays=totals["plays"] or 0,
        files=len(files),
        bytes=sum(files),
        dump_sha256=digest,
    )
