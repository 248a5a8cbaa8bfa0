"""A thread's own connection: separate transactions, errors, and connections that end."""

from collections.abc import Iterator
from threading import Thread

import psycopg
import pytest
from django.db import connection

from library.direct_connection import DirectConnection
from tests.support.database import await_blocked_transaction

pytestmark = pytest.mark.django_db(transaction=True)
PID = b"SELECT pg_backend_pid()"


@pytest.fixture
def direct() -> Iterator[DirectConnection]:
    direct = DirectConnection()
    yield direct
    direct.close()


@pytest.fixture
def scratch() -> Iterator[None]:
    """A table with a constraint that is checked at the commit."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE scratch (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE scratch")


def sql(statement: str) -> list[tuple[int]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows: list[tuple[int]] = cursor.fetchall()
    return rows


def insert(number: int) -> tuple[bytes, list[bytes]]:
    return b"INSERT INTO scratch VALUES ($1) RETURNING n", [str(number).encode()]


def end_session(pid: bytes) -> None:
    """End the session; return when it has ended."""
    sql(f"SELECT pg_terminate_backend({pid.decode()}, 20000)")


def test_statements_return_their_values(direct: DirectConnection) -> None:
    values = direct.run((b"SELECT $1 || 'b'", [b"a"]), (b"SELECT NULL", ()), (b"SET jit = on", ()))
    assert values == [b"ab", b"", b""]


def test_failed_statement_does_not_undo_the_others(direct: DirectConnection, scratch: None) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        direct.run(insert(1), (b"SELECT 1 / 0", ()), insert(2))
    assert sql("SELECT n FROM scratch ORDER BY n") == [(1,), (2,)]


def test_statement_that_fails_at_its_commit_raises(direct: DirectConnection, scratch: None) -> None:
    direct.run(insert(1))
    with pytest.raises(psycopg.errors.UniqueViolation):
        direct.run(insert(1), insert(2))
    assert sql("SELECT n FROM scratch ORDER BY n") == [(1,), (2,)]


def test_connection_is_kept(direct: DirectConnection) -> None:
    assert len({direct.run((PID, ()))[0] for _ in range(3)}) == 1
    with pytest.raises(psycopg.errors.DivisionByZero):
        direct.run((b"SELECT 1 / 0", ()))
    assert direct.run((PID, ())) == direct.run((PID, ()))


def test_each_thread_has_its_own_connection(direct: DirectConnection) -> None:
    pids = direct.run((PID, ()))

    def use() -> None:
        pids.extend(direct.run((PID, ())))
        direct.close()

    thread = Thread(target=use)
    thread.start()
    thread.join()
    assert len(set(pids)) == 2


def test_connection_that_ended_while_idle_is_replaced(
    direct: DirectConnection, scratch: None
) -> None:
    end_session(direct.run((PID, ()))[0])
    assert direct.run(insert(1)) == [b"1"]


def test_statement_whose_connection_ends_is_not_repeated(
    direct: DirectConnection, scratch: None
) -> None:
    raised: list[BaseException] = []

    def wait_for_a_lock() -> None:
        try:
            direct.run((b"SELECT pg_advisory_xact_lock(7)", ()), insert(1))
        except psycopg.Error as error:
            raised.append(error)
        assert direct.run(insert(2)) == [b"2"]
        direct.close()

    direct.run((b"SELECT pg_advisory_lock(7)", ()))
    thread = Thread(target=wait_for_a_lock)
    thread.start()
    await_blocked_transaction()
    ((waiting,),) = sql("SELECT pid FROM pg_locks WHERE NOT granted")
    end_session(str(waiting).encode())
    thread.join()
    assert [isinstance(error, psycopg.OperationalError) for error in raised] == [True]
    assert sql("SELECT n FROM scratch") == [(2,)]


def test_server_that_does_not_respond_is_given_up() -> None:
    impatient = DirectConnection(deadline=0.05)
    with pytest.raises(psycopg.OperationalError, match="did not respond"):
        impatient.run((b"SELECT pg_sleep(20)", ()))
    assert impatient.run((b"SELECT 1", ())) == [b"1"]
    impatient.close()


def test_many_bytes_are_sent_and_received(direct: DirectConnection) -> None:
    """More than the buffers of the socket take at once."""
    text = b"x" * 20_000_000
    assert direct.run((b"SELECT $1::text", [text]), (b"SELECT 1", ())) == [text, b"1"]
