"""While PostgreSQL is silent, connections fail at once, until it answers again."""

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, connections

from clips_site.database.postgresql.base import Connection
from harness.waiting import until
from library import database_outage
from library.database_outage import SILENCE, Outage
from library.direct_connection import DirectConnection
from library.loop_connection import LoopConnection
from tests.support.gate import Gate

STOPPED = "stopped responding"


def lasts(outage: Outage) -> bool:
    try:
        outage.check()
    except psycopg.OperationalError:
        return True
    return False


@pytest.fixture
def gate(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A gate between this process and PostgreSQL, open at first. This process is a worker."""
    gate = Gate()
    gate.open()
    wrapper: Any = type(connections["default"])
    params = wrapper.get_connection_params
    through = {"connect_timeout": 2, **gate.parameters}
    with monkeypatch.context() as patch:
        patch.setattr(Connection, "deadline", 0.2)
        patch.setattr(wrapper, "get_connection_params", lambda self: params(self) | through)
        yield gate
        gate.open()
        until(lambda: not lasts(database_outage.outage))
    gate.close()


def test_outage_ends_at_once_if_postgresql_answers(transactional_db: None) -> None:
    outage = Outage()
    outage.suspect(SILENCE)
    until(lambda: not lasts(outage))


def test_slow_statement_alone_lets_no_other_fail(transactional_db: None) -> None:
    outage = Outage()
    outage.suspect()
    outage.check()


def test_server_that_refuses_is_no_outage(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage = Outage()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "NAME", "no_such_database")
        outage.suspect(SILENCE)
        until(lambda: not lasts(outage))


def test_connections_fail_at_once_until_postgresql_answers(gate: Gate) -> None:
    gate.shut()
    first = connection.copy()
    with pytest.raises(OperationalError, match="timeout"):
        first.ensure_connection()
    with pytest.raises(OperationalError, match=STOPPED):
        first.ensure_connection()
    with pytest.raises(psycopg.OperationalError, match=STOPPED):
        DirectConnection().run((b"SELECT 1", ()))
    with pytest.raises(psycopg.OperationalError, match=STOPPED):
        asyncio.run(LoopConnection().run((b"SELECT 1", ())))
    gate.open()
    until(lambda: not lasts(database_outage.outage))
    first.ensure_connection()
    first.close()


def test_open_connection_fails_without_sending_anything(gate: Gate) -> None:
    kept = connection.copy()
    kept.ensure_connection()
    gate.shut()
    database_outage.outage.suspect(SILENCE)
    with pytest.raises(OperationalError, match=STOPPED), kept.cursor() as cursor:
        cursor.execute("SELECT 1")
    gate.open()
    until(lambda: not lasts(database_outage.outage))
    with kept.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    kept.close()


def test_slow_statement_is_no_outage(gate: Gate) -> None:
    slow: Any = connection.copy()
    with pytest.raises(OperationalError, match="No response"), slow.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(5 * 100)")
    assert not lasts(database_outage.outage)
    slow.close()
