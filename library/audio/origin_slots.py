"""Taking turns at an origin, and waiting for what other threads and processes do."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from library.audio.errors import AudioUnavailableError
from library.audio.file_lock import try_lock

SHORTEST_WAIT, LONGEST_WAIT = 0.002, 0.1  # seconds between two looks


@contextmanager
def turn(folder: Path, url: str, at_once: int, seconds: float) -> Iterator[None]:
    """One of `at_once` places for downloads from a URL's host, across all processes.

    Raises AudioUnavailableError if none gets free within `seconds`.
    """
    host = sha256(host_of(url).encode()).hexdigest()[:16]
    for step in waits(time.monotonic() + seconds):
        for place in range(at_once):
            descriptor = try_lock(folder / f"{host}.{place}.turn")
            if descriptor is None:
                continue
            try:
                yield
            finally:
                os.close(descriptor)
            return
        time.sleep(step)
    raise AudioUnavailableError("origin_busy")


def host_of(url: str) -> str:
    """The host of a URL, each in one spelling."""
    return (urlsplit(url).hostname or "").rstrip(".")


def waits(deadline: float) -> Iterator[float]:
    """Seconds to sleep between looks, until the deadline: a tenth of the time waited so far.

    So looking adds little to a short wait, and many who wait long cost little.
    """
    began = now = time.monotonic()
    while now < deadline:
        yield min(max(SHORTEST_WAIT, (now - began) / 10), LONGEST_WAIT)
        now = time.monotonic()
