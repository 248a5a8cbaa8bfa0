"""Waiting for something that sends no signal when it happens."""

import time
from collections.abc import Callable

TIMEOUT = 30  # seconds


def until(condition: Callable[[], bool]) -> None:
    """Return as soon as the condition holds; fail after the timeout."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, f"not true within {TIMEOUT} s"
        time.sleep(0.005)
