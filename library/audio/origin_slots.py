"""Limit the downloads from one origin, and wait for other threads and processes."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from library.audio.errors import AudioUnavailableError
from library.audio.file_lock import try_lock

SHORTEST_WAIT, LONGEST_WAIT = 0.002, 0.1  # seconds between two polls


@contextmanager
def origin_slot(folder: Path, url: str, slots: int, timeout: float) -> Iterator[None]:
    """Hold one of the `slots` for downloads from a URL's host, shared by all processes.

    Raises AudioUnavailableError if none becomes free within `timeout` seconds.
    """
    host = sha256(host_of(url).encode()).hexdigest()[:16]
    for interval in poll_intervals(time.monotonic() + timeout):
        for slot in range(slots):
            descriptor = try_lock(folder / f"{host}.{slot}.slot")
            if descriptor is None:
                continue
            try:
                yield
            finally:
                os.close(descriptor)
            return
        time.sleep(interval)
    raise AudioUnavailableError("origin_busy")


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
