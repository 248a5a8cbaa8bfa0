"""Locks in PostgreSQL that a test holds or waits for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

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
