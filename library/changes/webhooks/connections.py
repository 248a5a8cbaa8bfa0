"""Connections to PostgreSQL of threads that send messages.

A receiver may take long to respond, and many may do so at once. So a thread has a connection only
before and after it sends, and few threads have one at a time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from django.db import connection

MOST_CONNECTIONS = 4  # of a process (docs/configuration.md)
_free = BoundedSemaphore(MOST_CONNECTIONS)


@contextmanager
def brief_connection() -> Iterator[None]:
    """Wait until this thread may use its connection, and close it afterwards."""
    with _free:
        try:
            yield
        finally:
            connection.close()
