"""Run a blocking probe in a background thread, so that callers can wait for it with a timeout."""

import time
from collections.abc import Callable
from threading import Condition, Thread
from typing import Generic, TypeVar

Result = TypeVar("Result")


class NoResultError(Exception):
    """The probe did not end in time, or it failed: then its exception is `__cause__`."""


class BackgroundProbe(Generic[Result]):
    """Runs a probe in its own thread, one run at a time, for any number of waiting callers."""

    def __init__(self, run: Callable[[], Result], name: str) -> None:
        """`run` may raise any exception and take any time. `name` is the thread's name."""
        self._run = run
        self._name = name
        self._changed = Condition()
        self._thread: Thread | None = None
        self._requested = self._finished = 0
        self._started_at: float | None = None
        self._result: Result | None = None
        self._error: BaseException | None = None

    def request(self) -> int:
        """Request a run that starts after this call, and return its number for `wait`."""
        with self._changed:
            self._requested += 1
            if self._thread is None:  # not at import, because threads do not survive a fork
                self._thread = Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify_all()
            return self._requested

    def wait(self, number: int, timeout: float) -> Result:
        """Return the run's result, or raise NoResultError if it fails or takes over `timeout` s."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._finished >= number, timeout):
                raise NoResultError
            if self._error is not None:
                raise NoResultError from self._error
            return self._result  # type: ignore[return-value]

    @property
    def running_for(self) -> float:
        """Seconds since the current run started; 0 if none is in progress."""
        with self._changed:
            return 0.0 if self._started_at is None else time.monotonic() - self._started_at

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._requested > self._finished)
                number = self._requested  # one run serves all requests so far
                self._started_at = time.monotonic()
            result, error = None, None
            try:
                result = self._run()
            except Exception as raised:
                error = raised
            with self._changed:
                self._result, self._error = result, error
                self._finished, self._started_at = number, None
                self._changed.notify_all()
