"""Work in a thread, while others go on with an older result."""

import logging
from collections.abc import Callable
from threading import Lock, Thread

from django.db import connection

logger = logging.getLogger(__name__)


def start_in_background(work: Callable[[], object], lock: Lock) -> Thread | None:
    """Do the work in a thread that takes over the lock, which the caller holds.

    The thread then releases the lock, and closes its connection. If the system has no thread left,
    this is logged, the lock is released, and None is returned.
    """

    def run() -> None:
        try:
            work()
        finally:
            lock.release()
            connection.close()

    thread = Thread(target=run, daemon=True)
    try:
        thread.start()
    except RuntimeError:
        lock.release()
        logger.exception("No thread is available to renew what is kept")
        return None
    return thread
