"""The connection of an event loop, and the calls that share it."""

import asyncio
from collections.abc import Sequence

import psycopg
import pytest
from django.db import connection

from library.loop_connection import LoopBatcher, LoopConnection

pytestmark = pytest.mark.django_db(transaction=True)
PID = (b"SELECT pg_backend_pid()", ())


def test_statements_have_outcomes_of_their_own() -> None:
    async def run() -> list[bytes | psycopg.Error]:
        database = LoopConnection()
        try:
            return await database.run(
                (b"SELECT $1::int + 1", [b"41"]),
                (b"SELECT 1 / 0", ()),
                (b"SELECT NULL", ()),
                (b"SET statement_timeout = 0", ()),
                (b"SELECT repeat('x', 1000000)", ()),
            )
        finally:
            database.close()

    value, error, null, command, long = asyncio.run(run())
    assert (value, null, command, long) == (b"42", b"", b"", b"x" * 1_000_000)
    assert isinstance(error, psycopg.errors.DivisionByZero)


def test_large_parameters_are_sent_without_blocking() -> None:
    text = b"y" * 20_000_000

    async def run() -> bytes | psycopg.Error:
        database = LoopConnection()
        try:
            (length,) = await database.run((b"SELECT length($1)", [text]))
            return length
        finally:
            database.close()

    assert asyncio.run(run()) == b"20000000"


def test_connection_that_the_server_closed_is_replaced() -> None:
    async def run() -> tuple[bytes | psycopg.Error, bytes | psycopg.Error]:
        database = LoopConnection()
        try:
            (before,) = await database.run(PID)
            await asyncio.to_thread(terminate, before)
            (after,) = await database.run(PID)
            return before, after
        finally:
            database.close()

    before, after = asyncio.run(run())
    assert isinstance(after, bytes)
    assert before != after


def terminate(pid: bytes | psycopg.Error) -> None:
    assert isinstance(pid, bytes)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [int(pid)])
    connection.close()


def test_connection_that_breaks_during_a_statement_is_an_error_and_then_replaced() -> None:
    async def run() -> bytes | psycopg.Error:
        database = LoopConnection()
        try:
            with pytest.raises(psycopg.OperationalError):
                await database.run((b"SELECT pg_terminate_backend(pg_backend_pid())", ()))
            (pid,) = await database.run(PID)
            return pid
        finally:
            database.close()

    assert isinstance(asyncio.run(run()), bytes)


def test_statement_that_takes_too_long_is_an_error() -> None:
    async def run() -> None:
        database = LoopConnection(deadline=0.2)
        with pytest.raises(psycopg.OperationalError, match="in time"):
            await database.run((b"SELECT pg_sleep(30)", ()))

    asyncio.run(run())


def test_items_that_wait_share_the_next_call() -> None:
    groups: list[Sequence[int]] = []

    async def double(items: Sequence[int]) -> Sequence[int]:
        groups.append(items)
        await asyncio.sleep(0)
        return [2 * item for item in items]

    async def run() -> list[int]:
        batcher = LoopBatcher(double)
        first = [batcher.submit(item) for item in (1, 2)]
        await asyncio.sleep(0)  # their call begins
        return await asyncio.gather(*first, *(batcher.submit(item) for item in (3, 4, 5)))

    assert asyncio.run(run()) == [2, 4, 6, 8, 10]
    assert groups == [[1, 2], [3, 4, 5]]


def test_error_of_a_call_is_that_of_its_items_only() -> None:
    async def positive(items: Sequence[int]) -> Sequence[int]:
        if min(items) < 0:
            raise ValueError
        return items

    async def run() -> None:
        batcher = LoopBatcher(positive)
        refused = [batcher.submit(-1), batcher.submit(1)]
        assert all(
            isinstance(e, ValueError)
            for e in await asyncio.gather(*refused, return_exceptions=True)
        )
        assert await batcher.submit(7) == 7

    asyncio.run(run())


def test_cancelled_item_does_not_disturb_the_others() -> None:
    async def same(items: Sequence[int]) -> Sequence[int]:
        await asyncio.sleep(0)
        return items

    async def run() -> int:
        batcher = LoopBatcher(same)
        cancelled, other = batcher.submit(1), batcher.submit(2)
        cancelled.cancel()
        return await other

    assert asyncio.run(run()) == 2


def test_server_that_cannot_be_reached_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "NAME", "no_such_database")

    async def run() -> None:
        with pytest.raises(psycopg.OperationalError):
            await LoopConnection().run(PID)

    asyncio.run(run())
