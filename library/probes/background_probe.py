"""A question to something that may not answer, asked so that nobody has to wait for it."""

import logging
import time
from collections.abc import Callable
from threading import Condition, Thread
from typing import Generic, TypeVar

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)


class NoAnswerError(Exception):
    """It did not come in time, or asking failed."""


class Question(Generic[Answer]):
    """Asked by a thread of its own, one at a time; who has no time left goes on without."""

    def __init__(self, ask: Callable[[], Answer], name: str) -> None:
        """`ask` may raise anything and take any time; `name` is its thread's."""
        self._ask = ask
        self._name = name
        self._changed = Condition()
        self._thread: Thread | None = None
        self._asked = self._answered = 0
        self._began: float | None = None
        self._answer: Answer | None = None
        self._error: BaseException | None = None

    def begin(self) -> int:
        """Have it asked as soon as nobody else does; returns the number to `await_answer` with."""
        with self._changed:
            self._asked += 1
            if self._thread is None:  # not at import: a thread does not survive a fork
                self._thread = Thread(target=self._keep_asking, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify_all()
            return self._asked

    def await_answer(self, number: int, seconds: float) -> Answer:
        """The answer to what was asked after this number was given.

        Raises NoAnswerError.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._answered >= number, seconds):
                raise NoAnswerError
            if self._error is not None:
                raise NoAnswerError from self._error
            return self._answer  # type: ignore[return-value]

    @property
    def asked_for(self) -> float:
        """Seconds for which the thread has been waiting, 0 while nothing is asked."""
        with self._changed:
            return 0.0 if self._began is None else time.monotonic() - self._began

    def _keep_asking(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._asked > self._answered)
                number = self._asked
                self._began = time.monotonic()
            answer, error = None, None
            try:
                answer = self._ask()
            except Exception as raised:
                error = raised
            with self._changed:
                self._answer, self._error = answer, error
                self._answered, self._began = number, None
                self._changed.notify_all()
