"""Waiting for something that sends no signal when it happens."""

import time
from collections.abc import Callable

TIMEOUT = 30  # seconds


def until(condition: Callable[[], bool], timeout: float = TIMEOUT) -> None:
    """Return as soon as the condition holds; fail after the timeout."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not true within {timeout} s"
        time.sleep(0.005)
