"""A machine that vanishes from the network, with locks held by a process on it."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from harness.machine import Machine, why_not
from harness.postgres import DATABASE, Postgres
from harness.service import ROOT
from harness.waiting import until

REASON = why_not()
pytestmark = [
    pytest.mark.proof,
    pytest.mark.processes,
    pytest.mark.skipif(bool(REASON), reason=REASON or "possible"),
]
# A command may be idle in a transaction for long, so only the network can free its lock.
HOLD = """
from django.db import connection, transaction
with transaction.atomic(), connection.cursor() as cursor:
    cursor.execute("SELECT FROM held FOR UPDATE")
    print("held", flush=True)
    input()
    cursor.execute("SELECT 1")
"""


def is_locked(connected: psycopg.Connection) -> bool:
    try:
        connected.execute("SELECT FROM held FOR UPDATE NOWAIT")
    except psycopg.errors.LockNotAvailable:
        return True
    return False


def test_locks_of_a_vanished_machine_are_released(tmp_path: Path) -> None:
    with (
        Machine() as machine,
        Postgres(tmp_path / "postgres", listen=machine.here) as postgres,
        postgres.connect() as connected,
    ):
        connected.execute("CREATE TABLE held AS SELECT 1 AS n")
        environment = {
            "DJANGO_SETTINGS_MODULE": "clips_site.settings",
            "POSTGRES_SERVER": machine.here,
            "POSTGRES_PORT": "5432",
            "POSTGRES_DB": DATABASE,
        }
        holder = machine.start(
            *(sys.executable, "manage.py", "shell", "--no-imports", "-c", HOLD),
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert is_locked(connected)
        machine.cut()
        until(lambda: not is_locked(connected))
        machine.heal()
        _, errors = holder.communicate("\n", timeout=60)
        assert holder.returncode != 0
        assert "OperationalError" in errors
