"""Waiting for what cannot say when it comes."""

import time
from collections.abc import Callable

PATIENCE = 30  # seconds after which it is taken to be lost


def until(condition: Callable[[], bool]) -> None:
    """Return as soon as it holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.005)
