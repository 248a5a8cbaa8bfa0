"""The file of a backup: a tar archive that any tar can list and unpack.

manifest.json comes first, then database.dump, the secrets of this machine, and uploads and
renditions below media/.
"""

import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db.migrations.loader import MigrationLoader
from tqdm import tqdm

FORMAT = 1
MANIFEST, DUMP, MEDIA = "manifest.json", "database.dump", "media"
SECRETS = ("secret_key", "admin-password")  # files in CLIPS_LOCAL_DIR


@dataclass(frozen=True)
class Manifest:
    """Facts about a backup."""

    version: str  # of the service
    made_at: str  # RFC 3339
    migrations: list[str]  # the last one of each app
    clips: int
    plays: int
    files: int  # below media/
    bytes: int  # of those
    dump_sha256: str
    format: int = FORMAT


def write(path: Path, manifest: Manifest, dump: Path, secrets: list[Path], media: Path) -> None:
    """Write a backup; nobody else may read it, since it contains secrets.

    It has its name once it is complete.
    """
    unfinished = path.with_name(f"{path.name}.unfinished")
    opened = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(opened, "wb") as file:
            with tarfile.open(fileobj=file, mode="w") as archive, _progress(manifest.bytes) as bar:
                _add_text(archive, MANIFEST, json.dumps(asdict(manifest), indent=2), dump.parent)
                archive.add(dump, DUMP)
                for secret in secrets:
                    archive.add(secret, secret.name)
                for each in files_in(media):
                    archive.add(each, f"{MEDIA}/{each.relative_to(media).as_posix()}")
                    bar.update(each.stat().st_size)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def reading(path: Path) -> Iterator[tuple[Manifest, tarfile.TarFile]]:
    """Open a backup. Raise CommandError unless it is complete and of a version known here."""
    not_one = CommandError(f"{path} is not a backup of Clips Service.")
    try:
        with tarfile.open(path, "r:") as archive:
            first = archive.next()
            if first is None or first.name != MANIFEST:
                raise not_one
            manifest = _manifest(archive.extractfile(first).read())  # type: ignore[union-attr]
            files = 0
            size = path.stat().st_size
            for member in archive:
                files += member.isfile() and member.name.startswith(f"{MEDIA}/")
                if member.offset_data + member.size > size:
                    break
            else:
                if files == manifest.files:
                    yield manifest, archive
                    return
            raise CommandError(f"{path} is incomplete. It may have been copied only in part.")
    except (tarfile.TarError, ValueError, TypeError):
        raise not_one from None


def extract_dump(archive: tarfile.TarFile, manifest: Manifest, folder: Path) -> Path:
    """Extract the dump of the database. Raise CommandError if it is damaged."""
    path = folder / DUMP
    _extract(archive, archive.getmember(DUMP), path)
    with path.open("rb") as file:
        if file_digest(file, "sha256").hexdigest() != manifest.dump_sha256:
            raise CommandError("The backup is damaged: its database.dump has changed.")
    return path


def extract_files(archive: tarfile.TarFile, manifest: Manifest, folder: Path) -> None:
    """Extract everything else. A file replaces one of the same name at once; others stay."""
    with _progress(manifest.bytes) as bar:
        for member in archive.getmembers():
            parts = Path(member.name).parts
            if not member.isfile() or ".." in parts:
                continue
            if parts[0] == MEDIA or member.name in SECRETS:
                target = folder / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                unfinished = target.with_name(f"{target.name}.unfinished")
                _extract(archive, member, unfinished)
                unfinished.replace(target)
            if parts[0] == MEDIA:
                bar.update(member.size)


def files_in(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, in the order of their names."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    """Write a member to a file with its mode and its time, which is part of entity tags."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, member.mode & 0o777)
    with os.fdopen(opened, "wb") as file:
        shutil.copyfileobj(archive.extractfile(member), file)  # type: ignore[arg-type]
    os.utime(path, (member.mtime, member.mtime))


def _add_text(archive: tarfile.TarFile, name: str, text: str, folder: Path) -> None:
    path = folder / name
    path.write_text(f"{text}\n")
    archive.add(path, name)


def _manifest(content: bytes) -> Manifest:
    """Return the manifest. Raise ValueError or TypeError if it is none, or CommandError."""
    values = json.loads(content)
    if not isinstance(values, dict):
        raise TypeError
    if values.get("format") != FORMAT:
        raise CommandError(
            f"The backup has format {values.get('format')}, and this version reads {FORMAT} only."
        )
    manifest = Manifest(**values)
    known = MigrationLoader(None).disk_migrations or {}
    if unknown := {tuple(each.split(".")) for each in manifest.migrations} - set(known):
        raise CommandError(
            f"The backup was made by version {manifest.version} and has migrations that are "
            f"missing here ({', '.join('.'.join(each) for each in sorted(unknown))}). "
            "Install that version or a newer one."
        )
    return manifest


def _progress(total: int) -> "tqdm[Any]":
    return tqdm(desc="Files", total=total, unit="B", unit_scale=True, disable=None)
