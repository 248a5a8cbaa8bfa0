"""manage.py prepare, settings, and the embedded database."""

import os
import shutil
import signal
from contextlib import closing
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from mutagen import File as AudioFile
from psycopg.conninfo import make_conninfo
from pytest_django import Settings

from clips_site.database.embedded.cluster import SUPERUSER, Cluster
from library.models import Clip
from tests.support.commands import manage

pytestmark = pytest.mark.processes
SAMPLES = [
    *("Ambient Sounds", "Electronic Beats", "Acoustic Guitar"),
    *("Rain Sounds", "Jazz Piano", "Tech House"),
]


def test_loaddata_loads_six_clips_with_audio(transactional_db: None) -> None:
    call_command("loaddata", "clips", verbosity=0)
    clips = list(Clip.objects.all())
    assert [clip.title for clip in clips] == SAMPLES
    for clip in clips:
        length = AudioFile(clip.audio_file.path).info.length
        assert clip.duration == pytest.approx(length, abs=0.05)
        assert 20 <= length <= 30


def test_concurrent_runs_prepare_once(transactional_db: None) -> None:
    database = {"POSTGRES_DB": connection.settings_dict["NAME"]}
    running = [manage("prepare", "--first-accounts", **database) for _ in range(4)]
    output = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0] * 4, output
    assert Clip.objects.count() == 6
    assert get_user_model().objects.count() == (2 if not os.environ.get("POSTGRES_SERVER") else 0)


def test_indexes_are_built_outside_transactions_and_after_an_interruption(
    transactional_db: None,
) -> None:
    """CREATE INDEX CONCURRENTLY waits for snapshots, which the lock of `prepare` must not hold."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_seq FROM library_changestate")
        (last,) = cursor.fetchone()
    call_command("migrate", "library", "0020", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX clip_channels ON library_clip (id)")
    database = {
        "POSTGRES_DB": connection.settings_dict["NAME"],
        "PGOPTIONS": r"-c default_transaction_isolation=repeatable\ read",
    }
    process = manage("prepare", **database)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), bool_and(indisvalid)"
            " FROM pg_index WHERE indrelid = 'library_clip'::regclass"
            " AND indexrelid::regclass::text IN"
            " ('clip_loudness', 'clip_channels', 'clip_lossless', 'clip_audio_url')"
        )
        assert cursor.fetchone() == (4, True)
        cursor.execute("SELECT pg_get_indexdef('clip_channels'::regclass)")
        assert "channels" in cursor.fetchone()[0].partition("USING")[2]
        # A service that outlives this test knows the versions of the table that was dropped.
        cursor.execute("UPDATE library_changestate SET last_seq = %s, pruned = %s", [last, last])


def test_existing_library_gets_no_samples(clip: Clip) -> None:
    call_command("prepare", verbosity=0)
    assert Clip.objects.count() == 1


def test_database_of_its_own_server_gets_no_accounts(clip: Clip, settings: Settings) -> None:
    settings.EMBEDDED = False
    output = StringIO()
    call_command("prepare", first_accounts=True, verbosity=0, stdout=output)
    assert output.getvalue() == "Accounts: none. Create one with manage.py createsuperuser\n"
    assert not get_user_model().objects.exists()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "many"),
        ("PORT", "0"),
        ("CLIPS_METRICS_PORT", "-1"),
        ("WEB_THREADS", "-1"),
        ("DJANGO_DEBUG", "perhaps"),
        ("CLIPS_ORIGIN_TOTAL_TIMEOUT", "0"),
        ("POSTGRES_PORT", "99999"),
    ],
)
def test_invalid_value_stops_start_up_and_is_named(variable: str, value: str) -> None:
    process = manage("check", **{variable: value})
    output, _ = process.communicate(timeout=30)
    assert process.returncode != 0
    assert variable in output.splitlines()[-1]


def test_service_for_other_machines_needs_a_secret_key() -> None:
    elsewhere = {"POSTGRES_SERVER": "db.example", "HOST": "0.0.0.0", "DJANGO_SECRET_KEY": ""}
    process = manage("check", **elsewhere)
    output, _ = process.communicate(timeout=30)
    assert "DJANGO_SECRET_KEY: Must be set to serve other machines." in output


def test_unreachable_database_is_named() -> None:
    process = manage("prepare", POSTGRES_SERVER="127.0.0.1", POSTGRES_PORT="9")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "POSTGRES_SERVER=127.0.0.1, port 9" in output


def test_embedded_database_starts_with_its_first_process_and_stops_with_its_last(
    tmp_path: Path,
) -> None:
    folder = tmp_path / ("a folder whose path is longer than that of a socket may be " * 2).strip()
    folder.mkdir()
    environment = {"CLIPS_LOCAL_DIR": str(folder), "POSTGRES_SERVER": ""}
    code = (
        "from django.db import connection; connection.ensure_connection();"
        "print(connection.pg_version)"
    )
    running = [manage("shell", "--no-imports", "-c", code, **environment) for _ in range(3)]
    output = [process.communicate(timeout=60)[0] for process in running]
    assert all("18" in text for text in output), output
    cluster = Cluster(folder / "postgres")
    try:
        assert (cluster.data / "PG_VERSION").exists()
        assert not (cluster.data / "postmaster.pid").exists()
    finally:
        shutil.rmtree(cluster.home)


def test_embedded_database_restarts_after_a_kill(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "postgres")
    place = make_conninfo(host=str(cluster.attach("clips_db")), user=SUPERUSER, dbname="clips_db")
    try:
        with closing(psycopg.connect(place)) as outlives:  # the server, and keeps its memory
            outlives.pgconn.send_query(
                b"DO $$ BEGIN WHILE clock_timestamp() < now() + '3 s' LOOP END LOOP; END $$"
            )
            server = int((cluster.data / "postmaster.pid").read_text().split()[0])
            os.kill(server, signal.SIGKILL)
            while Path(f"/proc/{server}").exists():
                pass
            cluster.attach("clips_db")
        with psycopg.connect(place) as connected:
            assert connected.execute("SELECT 1").fetchone() == (1,)
    finally:
        cluster.detach()
        shutil.rmtree(cluster.home)
