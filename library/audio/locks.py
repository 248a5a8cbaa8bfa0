"""Locks between threads and processes.

A lock is `flock` on a file, which the kernel releases if the process dies.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

FULL = (errno.ENOSPC, errno.EDQUOT)  # of an OSError: the disk has no space left
SHORTEST_WAIT, LONGEST_WAIT = 0.002, 0.1  # seconds between two polls


def try_lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock until it is closed, or None if the lock is taken.

    This is `flock`, not `lockf`. It belongs to the open file, so threads exclude one another too,
    and closing another descriptor of the same file does not release it.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except FileNotFoundError:
            pass
        os.close(descriptor)  # the file was deleted between open and flock: lock the new one


def is_abandoned(descriptor: int) -> bool:
    """Return whether this open file is no longer locked."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def host_of(url: str) -> str:
    """Return the host of a URL in lower case, without a trailing dot."""
    return (urlsplit(url).hostname or "").rstrip(".")


def poll_intervals(deadline: float) -> Iterator[float]:
    """Yield seconds to sleep between polls until the deadline: a tenth of the time waited so far.

    Polling then adds little to a short wait, and many long waits cost little.
    """
    began = now = time.monotonic()
    while now < deadline:
        yield min(max(SHORTEST_WAIT, (now - began) / 10), LONGEST_WAIT)
        now = time.monotonic()
