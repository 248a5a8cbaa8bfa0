"""Work in a thread that takes over the caller's lock."""

import logging
import threading
from threading import Lock

import pytest

from library.background import start_in_background


def held() -> Lock:
    lock = Lock()
    lock.acquire()
    return lock


def test_thread_releases_the_lock_when_the_work_has_ended() -> None:
    lock, may_end = held(), threading.Event()
    thread = start_in_background(lambda: may_end.wait(20), lock)
    assert thread
    assert lock.locked()
    may_end.set()
    thread.join(20)
    assert not lock.locked()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_lock_is_released_if_the_work_fails() -> None:
    lock = held()

    def fail() -> None:
        raise ValueError

    thread = start_in_background(fail, lock)
    assert thread
    thread.join(20)
    assert not lock.locked()


def test_missing_thread_is_logged_and_frees_the_lock(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    lock = held()
    with caplog.at_level(logging.ERROR):
        assert start_in_background(lambda: None, lock) is None
    assert not lock.locked()
    assert "No thread is available" in caplog.text
