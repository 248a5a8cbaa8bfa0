"""File descriptors: the limit, what it allows, and how the service survives a shortage."""

import errno
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# A listener takes two descriptors (socket and file), a download four. macOS grants no more than
# 10,240.
MOST = 10_240 if sys.platform == "darwin" else 65_536
RESERVED = 256  # for connections to PostgreSQL, downloads, threads, and the log
SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)  # EAGAIN: of fork
PAUSE = 1.0  # seconds until the next attempt


def raise_limit() -> None:
    """Raise this process's limit to the hard limit or to MOST. Its children inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def capacity() -> int:
    """Return how many connections a worker can hold: each may need its socket and a file."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = MOST if soft == resource.RLIM_INFINITY else soft
    return (limit - min(RESERVED, limit // 2)) // 2


@contextmanager
def shortage_ends_worker(log: Any) -> Iterator[None]:
    """End a worker that cannot start for lack of descriptors or memory; the master starts another.

    gunicorn would stop the whole service, because a worker that never starts is usually a mistake
    in the program.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in SHORTAGES:
            raise
        _report(log, "A worker could not start", error)
        time.sleep(PAUSE)
        sys.exit(1)


def survive_shortage(server: Any) -> None:
    """Let gunicorn's master try again later if it cannot start a process.

    It calls `manage_workers` at least once a second, and ends if that fails.
    """
    manage_workers: Callable[[], None] = server.manage_workers

    def manage_workers_if_possible() -> None:
        umask = os.umask(0o077)
        os.umask(umask)
        try:
            manage_workers()
        except OSError as error:
            if error.errno not in SHORTAGES:
                raise
            os.umask(umask)  # gunicorn changes it while it makes a temporary file
            _report(server.log, "The master could not start a process", error)

    server.manage_workers = manage_workers_if_possible


def _report(log: Any, event: str, error: OSError) -> None:
    """Log a shortage in one line: there is one each second while it lasts."""
    log.error("%s: %s. Raise the limits of files (ulimit -n) and memory", event, error.strerror)
