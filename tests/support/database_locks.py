"""Locks in PostgreSQL that a test holds or waits for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import OperationalError, connection, transaction
from django.db.backends.base.operations import BaseDatabaseOperations
from psycopg.errors import DeadlockDetected

from library.models import Clip


@contextmanager
def locked(clip: Clip) -> Iterator[None]:
    """Hold a lock on the clip's row, as another transaction would."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT FROM library_clip WHERE id = %s FOR UPDATE", [clip.pk])
        yield


def await_blocked_transaction(number: int = 1) -> None:
    """Return once so many transactions wait for the locks of others."""
    deadline = time.monotonic() + 20
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT FROM pg_locks WHERE NOT granted")
            if cursor.rowcount >= number:
                return
    raise AssertionError("no transaction is waiting")


@contextmanager
def emptying_survives_deadlocks() -> Iterator[None]:
    """Empty the tables after a test even if a service is still writing to them.

    A service writes the state of a clip's audio after its answer. TRUNCATE locks all tables one by
    one, so the two may wait for each other, and PostgreSQL then ends one of them.
    """
    execute = BaseDatabaseOperations.execute_sql_flush

    def repeat(*args: Any) -> None:
        for _ in range(5):
            try:
                return execute(*args)
            except OperationalError as error:
                if not isinstance(error.__cause__, DeadlockDetected):
                    raise
        return execute(*args)

    with mock.patch.object(BaseDatabaseOperations, "execute_sql_flush", repeat):
        yield
