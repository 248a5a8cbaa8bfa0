"""manage.py backup and restore, with a running service and on a new machine."""

import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import requests
from django.conf import settings as site_settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from pytest_django import Settings

from harness.installation import Installation
from harness.postgres import Postgres
from library.management.backups import database
from library.models import Clip
from tests.support.commands import manage

FACTS = "SELECT id, title, play_count, audio_file FROM library_clip ORDER BY id"
EVENTS = "SELECT count(*) FROM library_playevent"
LAST_CHANGE = "SELECT last_seq FROM library_changestate"


def backup(path: Path) -> str:
    output = StringIO()
    call_command("backup", str(path), stdout=output)
    return output.getvalue()


@pytest.fixture
def machine() -> Iterator[Path]:
    """The data folder of another machine. PostgreSQL must be able to enter it."""
    with TemporaryDirectory(prefix="clips-machine-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def upload(make_clip: Callable[..., Clip], mp3: bytes) -> Iterator[Path]:
    """The file of a clip with an upload."""
    path = Path(site_settings.MEDIA_ROOT) / "uploads" / "kept.mp3"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(mp3)
    make_clip(title="Uploaded", audio_file="uploads/kept.mp3")
    yield path
    path.unlink(missing_ok=True)


def test_backup_of_a_running_service_restores_clips_plays_and_files(
    http: Callable[..., requests.Response], upload: Path, machine: Path, tmp_path: Path
) -> None:
    (clip,) = Clip.objects.all()
    for _ in range(3):
        assert http("GET", f"/api/v1/clips/{clip.pk}/stream").status_code == 200
    saved = tmp_path / "saved.tar"
    assert backup(saved).startswith("Backed up 1 clips, 3 plays and ")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ({EVENTS}), ({LAST_CHANGE})")
        events, change = cursor.fetchone()
        cursor.execute(FACTS)
        facts = cursor.fetchall()
    installation = Installation(machine)

    def restore() -> tuple[int, str]:
        process = manage("restore", "--yes", str(saved), **installation.environment)
        output = process.communicate(timeout=60)[0]
        return process.returncode, output

    with Postgres(machine / "postgres") as postgres:
        assert restore()[0] == 0
        restored = machine / "media" / "uploads" / "kept.mp3"
        with closing(postgres.connect()) as connected:
            assert connected.execute(FACTS).fetchall() == facts
            connected.execute("UPDATE library_clip SET title = 'Damaged', play_count = 0")
            connected.execute("DROP TABLE library_playevent CASCADE")
            restored.write_bytes(b"damaged")
            status, refusal = restore()
        assert (status, "Stop the service first" in refusal) == (1, True)
        status, output = restore()
        assert (status, "Restored 1 clips, 3 plays" in output) == (0, True), output
        with closing(postgres.connect()) as connected:
            assert connected.execute(FACTS).fetchall() == facts
            assert connected.execute(EVENTS).fetchall() == [(events,)]
            assert connected.execute(LAST_CHANGE).fetchall() == [(change + 10**9,)]
        assert restored.read_bytes() == upload.read_bytes()
        key = Path(site_settings.LOCAL_DIR) / "secret_key"
        assert (machine / "secret_key").read_text() == key.read_text()
        assert not list(machine.glob("restore-*"))


def test_file_that_is_deleted_during_the_backup_is_in_it(
    upload: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump = database.dump

    def delete_and_dump(*arguments: Any) -> None:
        upload.unlink()
        dump(*arguments)

    monkeypatch.setattr(database, "dump", delete_and_dump)
    backup(tmp_path / "saved.tar")
    with tarfile.open(tmp_path / "saved.tar") as saved:
        assert "media/uploads/kept.mp3" in saved.getnames()
    assert not list(Path(site_settings.LOCAL_DIR).glob("backup-*"))


def test_missing_upload_is_a_warning(upload: Path, tmp_path: Path) -> None:
    upload.unlink()
    errors = StringIO()
    call_command("backup", str(tmp_path / "saved.tar"), stdout=StringIO(), stderr=errors)
    assert "the upload of clip" in errors.getvalue()


def test_folder_gets_a_file_named_by_the_time(transactional_db: None, tmp_path: Path) -> None:
    backup(tmp_path)
    (path,) = tmp_path.iterdir()
    assert path.match("clips-20??-??-??T??????Z.tar")


@pytest.mark.parametrize(
    ("name", "message"), [("taken", "exists already"), ("none/a.tar", "Create it first")]
)
def test_unusable_path_is_refused(
    transactional_db: None, tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(CommandError, match=message):
        backup(tmp_path / name)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"POSTGRES_SERVER": "127.0.0.1", "POSTGRES_PORT": "9"}, "PostgreSQL cannot be reached"),
        ({"POSTGRES_DB": "postgres"}, "The database has no library"),
    ],
)
def test_unusable_database_is_an_error(
    db: None, tmp_path: Path, place: dict[str, str], message: str
) -> None:
    process = manage("backup", str(tmp_path), **place)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"CommandError: {message}" in output
    assert list(tmp_path.iterdir()) == []


def test_missing_backup_is_named(db: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"none\.tar: No such file or directory"):
        call_command("restore", str(tmp_path / "none.tar"))


@pytest.mark.parametrize("part", [0, 0.5, 0.9])
def test_damaged_dump_changes_nothing(clip: Clip, tmp_path: Path, part: float) -> None:
    dump = tmp_path / "dump"
    with database.snapshot() as snapshot:
        database.dump(snapshot, dump)
    dump.write_bytes(dump.read_bytes()[: int(dump.stat().st_size * part)])
    with pytest.raises(CommandError, match="pg_restore failed"):
        database.restore(dump)
    assert Clip.objects.get() == clip


def test_error_of_postgresql_changes_nothing(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "RAISE_NUMBERS", "SELECT 1 / 0;\n")
    with database.snapshot() as snapshot:
        database.dump(snapshot, tmp_path / "dump")
    with pytest.raises(CommandError, match=r"psql failed: ERROR: +division by zero"):
        database.restore(tmp_path / "dump")
    assert Clip.objects.get() == clip


def test_missing_programs_are_named(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CommandError, match="apt install postgresql-client"):
        database.dump("a snapshot", tmp_path / "dump")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("command", ["backup", "restore"])
def test_root_leaves_files_of_the_services_user_alone(
    db: None, settings: Settings, tmp_path: Path, command: str
) -> None:
    settings.LOCAL_DIR = tmp_path
    os.chown(tmp_path, 12345, 12345)
    with pytest.raises(CommandError, match="sudo -u '#12345'"):
        call_command(command, str(tmp_path / "saved.tar"))
