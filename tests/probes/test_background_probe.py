"""Running blocking probes in a background thread."""

from threading import Event

import pytest

from harness.waiting import until
from library.probes.background_probe import BackgroundProbe, NoResultError


def test_blocked_run_is_not_repeated_and_the_next_run_serves_all_later_requests() -> None:
    released, runs = Event(), []

    def run() -> int:
        runs.append(1)
        released.wait()
        return len(runs)

    probe = BackgroundProbe(run, "a test")
    for _ in range(5):
        with pytest.raises(NoResultError):
            probe.wait(probe.request(), 0.01)
    until(lambda: bool(runs))  # started by its thread
    assert len(runs) == 1
    assert probe.running_for > 0
    late = probe.request()
    released.set()
    assert probe.wait(late, 20) == 2


def test_failure_is_the_cause_of_the_error_and_the_probe_can_run_again() -> None:
    failures = [OSError("gone")]

    def run() -> str:
        while failures:
            raise failures.pop()
        return "here"

    probe = BackgroundProbe(run, "a test")
    with pytest.raises(NoResultError) as raised:
        probe.wait(probe.request(), 20)
    assert isinstance(raised.value.__cause__, OSError)
    assert probe.wait(probe.request(), 20) == "here"
