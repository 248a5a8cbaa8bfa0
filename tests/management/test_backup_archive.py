"""The file of a backup: what is refused before anything is changed."""

import json
import tarfile
from collections.abc import Callable
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from library.management.backups import archive

MANIFEST = archive.Manifest(
    version="1.2.3",
    made_at="2026-11-30T12:00:00+00:00",
    migrations=["library.0001_initial"],
    clips=1,
    plays=2,
    files=1,
    bytes=5,
    dump_sha256=sha256(b"dump").hexdigest(),
)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Write a backup with one upload, and return its path."""
    media, dump = tmp_path / "source", tmp_path / archive.DUMP
    (media / "uploads").mkdir(parents=True)
    (media / "uploads/a.mp3").write_bytes(b"audio")
    (tmp_path / "secret_key").write_text("secret")

    def make(dumped: bytes = b"dump", **changes: Any) -> Path:
        dump.write_bytes(dumped)
        path = tmp_path / "a.tar"
        archive.write(path, replace(MANIFEST, **changes), dump, [tmp_path / "secret_key"], media)
        return path

    return make


def refusal(path: Path) -> str:
    with pytest.raises(CommandError) as refused, archive.reading(path):
        pass
    return str(refused.value)


def test_files_come_back_with_their_times(make: Callable[..., Path], tmp_path: Path) -> None:
    restored = tmp_path / "restored"
    restored.mkdir()
    with archive.reading(make()) as (manifest, opened):
        assert manifest == MANIFEST
        assert archive.extract_dump(opened, manifest, tmp_path).read_bytes() == b"dump"
        archive.extract_files(opened, manifest, restored)
    names = sorted(str(path.relative_to(restored)) for path in archive.files_in(restored))
    assert names == ["media/uploads/a.mp3", "secret_key"]
    times = [path.stat().st_mtime for path in tmp_path.glob("*/uploads/a.mp3")]
    assert (restored / "media/uploads/a.mp3").stat().st_mtime == pytest.approx(times[0], abs=1)


def test_damaged_file_is_replaced(make: Callable[..., Path], tmp_path: Path) -> None:
    damaged = tmp_path / "media/uploads/a.mp3"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"dam")
    with archive.reading(make()) as (manifest, opened):
        archive.extract_files(opened, manifest, tmp_path)
    assert damaged.read_bytes() == b"audio"


def test_only_the_owner_can_read_a_backup(make: Callable[..., Path]) -> None:
    assert make().stat().st_mode & 0o777 == 0o600


def test_unfinished_backup_is_deleted(make: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "secret_key").unlink()
    with pytest.raises(FileNotFoundError):
        make()
    assert not list(tmp_path.glob("a.tar*"))


@pytest.mark.parametrize("content", [b"", b"not a tar archive", b"\0" * 2000])
def test_other_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    assert refusal(path) == f"{path} is not a backup of Clips Service."


def test_other_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.tar"
    (tmp_path / archive.MANIFEST).write_text(json.dumps(["no", "facts"]))
    with tarfile.open(path, "w") as other:
        other.add(tmp_path / archive.MANIFEST, archive.MANIFEST)
    assert "is not a backup" in refusal(path)


@pytest.mark.parametrize("left", [0.3, 0.6, 0.9])
def test_incomplete_copy_is_refused(make: Callable[..., Path], left: float) -> None:
    path = make()
    content = path.read_bytes().rstrip(b"\0")
    path.write_bytes(content[: int(len(content) * left)])
    assert "incomplete" in refusal(path)


def test_backup_without_all_its_files_is_refused(make: Callable[..., Path]) -> None:
    assert "incomplete" in refusal(make(files=2))


def test_changed_dump_is_refused(make: Callable[..., Path], tmp_path: Path) -> None:
    with (
        archive.reading(make(b"another dump")) as (manifest, opened),
        pytest.raises(CommandError, match="damaged: its database"),
    ):
        archive.extract_dump(opened, manifest, tmp_path)


def test_backup_of_a_newer_version_is_refused(make: Callable[..., Path]) -> None:
    migrations = ["library.0001_initial", "library.9999_later"]
    message = refusal(make(version="9.0.0", migrations=migrations))
    assert "made by version 9.0.0" in message
    assert "(library.9999_later)" in message


def test_other_format_is_refused(make: Callable[..., Path]) -> None:
    assert "has format 2" in refusal(make(format=2))


def test_name_outside_the_folder_is_never_written(tmp_path: Path) -> None:
    path, folder = tmp_path / "a.tar", tmp_path / "inside"
    folder.mkdir()
    (tmp_path / archive.MANIFEST).write_text(json.dumps(asdict(MANIFEST)))
    with tarfile.open(path, "w") as hostile:
        hostile.add(tmp_path / archive.MANIFEST, archive.MANIFEST)
        hostile.add(tmp_path / archive.MANIFEST, "media/../../outside")
    with archive.reading(path) as (manifest, opened):
        archive.extract_files(opened, manifest, folder)
    assert not (tmp_path / "outside").exists()
