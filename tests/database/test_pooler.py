"""Everything works behind PgBouncer in transaction mode, which gives each transaction to another
session of PostgreSQL.
"""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from harness.pooler import PGBOUNCER, Pooler
from harness.postgres import Postgres
from harness.service import Server
from harness.waiting import until
from tests.support.commands import manage

pytestmark = [
    pytest.mark.proof,
    pytest.mark.processes,
    pytest.mark.skipif(not PGBOUNCER, reason="needs PgBouncer: make system-tools"),
]
REPEATED = 8  # more often than a statement must be used before it is prepared


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with Postgres(tmp_path_factory.mktemp("postgres")) as postgres:
        yield postgres


@pytest.fixture(scope="module")
def environment(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The settings of a service behind a PgBouncer that refuses the settings of sessions."""
    folder = tmp_path_factory.mktemp("service")
    with Pooler(postgres, default_pool_size="3") as pooler:
        yield {**pooler.environment, "CLIPS_LOCAL_DIR": str(folder)}


def test_concurrent_starts_on_an_empty_database_all_come_up(
    postgres: Postgres, environment: dict[str, str]
) -> None:
    running = [manage("prepare", **environment) for _ in range(4)]
    output = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0] * 4, output
    with postgres.connect() as connected:
        assert connected.execute("SELECT count(*) FROM library_clip").fetchone() == (6,)
        assert connected.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        ).fetchone() == (0,)


def test_worker_executes_every_periodic_task(
    postgres: Postgres, environment: dict[str, str]
) -> None:
    assert "Traceback" not in manage("prepare", **environment).communicate(timeout=120)[0]
    worker = manage("worker", **environment)
    with postgres.connect() as connected:

        def statuses() -> dict[str, str]:
            query = "SELECT task_name, status FROM procrastinate_jobs ORDER BY id DESC"
            return dict(connected.execute(query).fetchall())

        until(lambda: len(statuses()) == 6 and {*statuses().values()} == {"succeeded"})
        names = connected.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'clips worker%'"
        ).fetchone()
        assert names != (0,)
        assert connected.execute(
            "SELECT count(*) FROM library_clip WHERE health_checked_at IS NULL"
        ).fetchone() == (0,)
    worker.send_signal(signal.SIGTERM)
    output = worker.communicate(timeout=60)[0]
    assert worker.returncode == 0
    assert "PostgreSQL" not in output, "it has started again"
    assert "Traceback" not in output


def test_service_works(environment: dict[str, str], tmp_path: Path) -> None:
    prepared = manage("prepare", **environment)
    assert "Traceback" not in prepared.communicate(timeout=120)[0]
    with Server(tmp_path / "log", **environment) as server:
        clip = f"{server.url}/api/v1/clips/1"
        new: dict[str, Any] = {
            "title": "New",
            "genre": "jazz",
            "duration": 3,
            "audio_url": "https://example.com/a.mp3",
        }
        for number in range(REPEATED):
            for path in ("", "/stats", "?fields=title", "/stream"):
                response = requests.get(clip + path, timeout=30)
                assert response.status_code == 200, (path, response.text)
            clips = requests.get(f"{server.url}/api/v1/clips", timeout=30)
            assert clips.status_code == 200
            new["title"] = f"New {number}"
            added = requests.post(f"{server.url}/api/v1/clips", json=new, timeout=30)
            assert added.status_code == 201
            assert requests.get(f"{server.url}/readyz", timeout=30).json()["problems"] == []
        until(lambda: server.metrics()["clips_database_up"] == 1)
        checked = manage("check_plays", **environment)
        assert "agree" in checked.communicate(timeout=60)[0]
        assert "Traceback" not in server.log.read_text()
