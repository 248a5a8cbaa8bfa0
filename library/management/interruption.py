"""Commands that finish what they are doing when they are interrupted."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Interruption:
    """SIGINT or SIGTERM while a command runs. A second signal ends the process at once."""

    def __init__(self) -> None:
        self._signal = 0

    def __bool__(self) -> bool:
        return bool(self._signal)

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note signals. At the end, raise SystemExit as a shell reports a signal, if there was one.

        Other exceptions come first.
        """

        def note(number: int, _: Any) -> None:
            self._signal = number
            signal.signal(number, signal.SIG_DFL)

        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self._signal:
            raise SystemExit(128 + self._signal)
