"""Announcements of a download: who wakes, and who polls."""

from contextlib import ExitStack
from itertools import repeat
from threading import Thread

import pytest

from library.audio import growth
from library.audio.growth import ANNOUNCED_SECONDS, RELIEVED_SECONDS, Subscription


def test_announcement_wakes_all_readers_of_its_topic() -> None:
    woken: list[str] = []
    with (
        Subscription("a", lambda: woken.append("first")),
        Subscription("a", lambda: woken.append("second")),
        Subscription("b", lambda: woken.append("other")),
    ):
        growth.announce("a")
        assert woken == ["first", "second"]


def test_only_the_reader_that_has_waited_longest_polls() -> None:
    with Subscription("a", print) as first, Subscription("a", print) as second:
        assert first.patience(0.02) == 0.02
        assert second.patience(0.02) == RELIEVED_SECONDS


def test_next_reader_wakes_and_polls_when_the_first_one_leaves() -> None:
    woken: list[str] = []
    leaving = ExitStack()
    leaving.enter_context(Subscription("a", print))
    with Subscription("a", lambda: woken.append("second")) as second:
        with Subscription("a", print):
            pass
        assert woken == []
        leaving.close()
        assert woken == ["second"]
        assert second.patience(0.02) == 0.02


def test_reader_that_polls_wakes_the_others_when_the_file_has_grown() -> None:
    woken: list[str] = []
    sizes = iter([100, 100, 200])
    with (
        Subscription("a", lambda: woken.append("far ahead"), lambda: next(sizes)) as first,
        Subscription("a", lambda: woken.append("at the end")),
    ):
        first.patience(0.02)
        assert woken == []
        first.patience(0.02)
        assert woken == ["far ahead", "at the end"]


def test_download_in_this_process_needs_no_quick_polls() -> None:
    growth.begin_download("a")
    with Subscription("a", print) as reader:
        assert reader.patience(0.02) == ANNOUNCED_SECONDS
        growth.end_download("a")
        assert reader.patience(0.02) == 0.02


def test_change_between_a_poll_and_the_wait_is_not_missed() -> None:
    answers = iter([None, "grown"])

    def ready() -> str | None:
        growth.announce("a")  # arrives after this look at the file and before the wait
        return next(answers)

    waited: list[str] = []
    thread = Thread(target=lambda: waited.append(growth.wait_until("a", ready, repeat(3600.0))))
    thread.start()
    thread.join(10)
    assert waited == ["grown"]


def test_error_ends_the_wait_and_its_subscription() -> None:
    def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        growth.wait_until("a", fail, repeat(0.0))
    with Subscription("a", print) as reader:
        assert reader.patience(0.02) == 0.02
