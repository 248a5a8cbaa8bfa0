"""Group commit with real threads and a writer that the test pauses, without a database."""

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Semaphore
from traceback import format_exception

import pytest

from harness.waiting import until
from library.plays.group import GroupCommit, NotWrittenError


class Writer:
    """Doubles numbers once the test releases it. A negative number fails its group."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun = Semaphore(0)
        self.go_on = Semaphore(0)

    def __call__(self, group: Sequence[int]) -> list[int]:
        self.groups.append(sorted(group))
        self.begun.release()
        assert self.go_on.acquire(timeout=20)
        if min(group) < 0:
            raise OSError("the disk is full")
        return [2 * number for number in group]

    def await_begin(self) -> None:
        """Return once the next group is being written."""
        assert self.begun.acquire(timeout=20)


@pytest.fixture
def writer() -> Iterator[Writer]:
    writer = Writer()
    yield writer
    writer.go_on.release(1000)  # threads that still wait after a failed test


@pytest.fixture
def pool(writer: Writer) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(64)
    yield pool
    writer.go_on.release(1000)
    pool.shutdown()


def submit_all(
    pool: ThreadPoolExecutor, commit: GroupCommit[int, int], numbers: Sequence[int]
) -> list[Future[int]]:
    """Submit each number from its own thread; return once all of them are queued."""
    waiting = len(commit._queue) + len(numbers)
    futures = [pool.submit(commit.submit, number) for number in numbers]
    until(lambda: len(commit._queue) == waiting)
    return futures


def begin(pool: ThreadPoolExecutor, commit: GroupCommit[int, int], writer: Writer) -> Future[int]:
    """Submit a first item, 1; return once it is being written."""
    first = pool.submit(commit.submit, 1)
    writer.await_begin()
    return first


def test_single_item_is_written_at_once() -> None:
    assert GroupCommit[int, int](lambda group: [2 * n for n in group]).submit(4) == 8


def test_items_submitted_during_a_write_share_the_next_group(
    writer: Writer, pool: ThreadPoolExecutor
) -> None:
    commit = GroupCommit(writer)
    first = begin(pool, commit, writer)
    others = submit_all(pool, commit, range(10, 60))
    writer.go_on.release(2)
    assert [first.result(20), *(other.result(20) for other in others)] == [2, *range(20, 120, 2)]
    assert writer.groups == [[1], list(range(10, 60))]


def test_item_waits_only_for_its_own_group(writer: Writer, pool: ThreadPoolExecutor) -> None:
    commit = GroupCommit(writer)
    first = begin(pool, commit, writer)
    others = submit_all(pool, commit, [2, 3])
    writer.go_on.release()
    assert first.result(20) == 2  # though the next group is not written
    writer.await_begin()
    assert not any(other.done() for other in others)


def test_error_reaches_only_the_items_of_its_group(
    writer: Writer, pool: ThreadPoolExecutor
) -> None:
    commit = GroupCommit(writer)
    first = begin(pool, commit, writer)
    failing = submit_all(pool, commit, [-1, 2, 3])
    writer.go_on.release()
    writer.await_begin()
    after = submit_all(pool, commit, [4])
    writer.go_on.release(2)
    for future in failing:
        error = future.exception(20)
        assert isinstance(error, NotWrittenError)
        assert isinstance(error.__cause__, OSError)
    assert (first.result(20), after[0].result(20)) == (2, 8)


def test_traceback_does_not_grow_with_the_group(writer: Writer, pool: ThreadPoolExecutor) -> None:
    """Every item of the group logs the traceback."""
    commit = GroupCommit(writer)
    begin(pool, commit, writer)
    failing = submit_all(pool, commit, [-1, *range(2, 50)])
    writer.go_on.release(2)
    wait(failing, 20)
    for future in failing:
        assert str(format_exception(future.exception())).count("in __call__") == 1
        assert str(format_exception(future.exception())).count("in submit") <= 2


def test_write_that_returns_too_few_results_fails_the_group() -> None:
    commit = GroupCommit[int, int](lambda group: [])
    for _ in range(2):
        with pytest.raises(NotWrittenError):
            commit.submit(1)


def test_item_that_waits_too_long_is_withdrawn_and_never_written(
    writer: Writer, pool: ThreadPoolExecutor
) -> None:
    commit = GroupCommit(writer, patience=0.05)
    first = begin(pool, commit, writer)
    with pytest.raises(NotWrittenError):
        commit.submit(2)
    writer.go_on.release(2)
    assert first.result(20) == 2
    assert commit.submit(3) == 6
    assert writer.groups == [[1], [3]]


def test_item_of_a_started_write_waits_for_the_result(
    writer: Writer, pool: ThreadPoolExecutor
) -> None:
    commit = GroupCommit(writer, patience=0.2)
    first = begin(pool, commit, writer)
    others = submit_all(pool, commit, [2, 3])
    writer.go_on.release()
    writer.await_begin()
    assert first.result(20) == 2
    assert not wait(others, 0.5).done  # more than their patience
    writer.go_on.release()
    assert [other.result(20) for other in others] == [4, 6]


def test_no_order_of_events_loses_an_item_or_the_lead() -> None:
    """Writes take about as long as items are willing to wait, and some fail."""
    chance = random.Random(7)
    written: list[int] = []

    def write(group: Sequence[int]) -> list[int]:
        time.sleep(chance.choice((0, 0.001, 0.003, 0.006)))
        if chance.random() < 0.1:
            raise OSError
        written.extend(group)
        return [2 * number for number in group]

    commit = GroupCommit(write, patience=0.003)

    def outcome(number: int) -> str:
        try:
            return "written" if commit.submit(number) == 2 * number else "result of another item"
        except NotWrittenError as error:
            return type(error.__cause__).__name__

    numbers = range(5000)
    with ThreadPoolExecutor(200) as pool:
        outcomes = list(pool.map(outcome, numbers, timeout=60))
    assert set(outcomes) == {"written", "OSError", "NoneType"}
    assert sorted(written) == [n for n in numbers if outcomes[n] == "written"]
    assert (commit._queue, commit._writing) == ([], False)
