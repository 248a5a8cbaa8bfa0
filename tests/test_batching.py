"""The batcher, with a function that the test pauses."""

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from threading import Semaphore, active_count
from traceback import format_exception

import pytest

from library.batching import Batcher, BatchError


class Function:
    """Doubles numbers once the test releases it. A negative number fails its group."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun = Semaphore(0)
        self.go_on = Semaphore(0)

    def __call__(self, group: Sequence[int]) -> list[int]:
        self.groups.append([*group])
        self.begun.release()
        assert self.go_on.acquire(timeout=20)
        if min(group) < 0:
            raise OSError("the disk is full")
        return [2 * number for number in group]

    def await_begin(self) -> None:
        """Return once the next group is being processed."""
        assert self.begun.acquire(timeout=20)


@pytest.fixture
def function() -> Iterator[Function]:
    function = Function()
    yield function
    function.go_on.release(1000)


def begin(batcher: Batcher[int, int], function: Function) -> Future[int]:
    """Submit a first item, 1; return once it is being processed."""
    first = batcher.submit(1)
    function.await_begin()
    return first


def submit_all(batcher: Batcher[int, int], numbers: Sequence[int]) -> list[Future[int]]:
    return [batcher.submit(number) for number in numbers]


def test_single_item_is_processed_at_once() -> None:
    assert Batcher[int, int]("test", lambda group: [2 * n for n in group]).submit(4).result(20) == 8


def test_thread_starts_with_the_first_item() -> None:
    """A process that forks after importing the module must not lose its thread."""
    before = active_count()
    batcher = Batcher[int, int]("test", lambda group: [*group])
    assert active_count() == before
    batcher.submit(1).result(20)
    assert active_count() > before


def test_items_submitted_during_a_call_share_the_next_one(function: Function) -> None:
    batcher = Batcher("test", function)
    first = begin(batcher, function)
    others = submit_all(batcher, range(10, 60))
    function.go_on.release(2)
    assert [first.result(20), *(other.result(20) for other in others)] == [2, *range(20, 120, 2)]
    assert function.groups == [[1], list(range(10, 60))]


def test_group_has_at_most_the_given_number_of_items(function: Function) -> None:
    batcher = Batcher("test", function, most=4)
    first = begin(batcher, function)
    others = submit_all(batcher, range(10, 20))
    function.go_on.release(4)
    wait([first, *others], 20)
    assert function.groups == [[1], [10, 11, 12, 13], [14, 15, 16, 17], [18, 19]]


def test_item_waits_only_for_its_own_group(function: Function) -> None:
    batcher = Batcher("test", function)
    first = begin(batcher, function)
    others = submit_all(batcher, [2, 3])
    function.go_on.release()
    assert first.result(20) == 2  # though the next group is not processed
    function.await_begin()
    assert not any(other.done() for other in others)


def test_error_reaches_only_the_items_of_its_group(function: Function) -> None:
    batcher = Batcher("test", function)
    first = begin(batcher, function)
    failing = submit_all(batcher, [-1, 2, 3])
    function.go_on.release()
    function.await_begin()
    after = batcher.submit(4)
    function.go_on.release(2)
    for future in failing:
        error = future.exception(20)
        assert isinstance(error, BatchError)
        assert isinstance(error.__cause__, OSError)
    assert (first.result(20), after.result(20)) == (2, 8)


def test_traceback_does_not_grow_with_the_group(function: Function) -> None:
    """Every item of the group logs the traceback."""
    batcher = Batcher("test", function)
    begin(batcher, function)
    failing = submit_all(batcher, [-1, *range(2, 50)])
    function.go_on.release(2)
    for future in failing:
        with pytest.raises(BatchError):
            future.result(20)
    for future in failing:
        assert str(format_exception(future.exception())).count("in __call__") == 1
        assert str(format_exception(future.exception())).count("in result") == 1


def test_function_that_returns_too_few_results_fails_the_group() -> None:
    batcher = Batcher[int, int]("test", lambda group: [])
    for _ in range(2):
        assert isinstance(batcher.submit(1).exception(20), BatchError)


def test_item_that_waits_too_long_fails_while_the_call_goes_on(function: Function) -> None:
    batcher = Batcher("test", function, patience=0.05)
    first = begin(batcher, function)
    error = batcher.submit(2).exception(20)
    assert isinstance(error, BatchError)
    assert error.__cause__ is None
    assert not first.done()
    function.go_on.release(2)
    assert (first.result(20), batcher.submit(3).result(20)) == (2, 6)
    assert function.groups == [[1], [3]]


def test_item_of_a_started_call_waits_for_the_result(function: Function) -> None:
    batcher = Batcher("test", function, patience=0.1)
    first = begin(batcher, function)
    others = submit_all(batcher, [2, 3])
    function.go_on.release()
    function.await_begin()
    assert first.result(20) == 2
    assert not wait(others, 0.5).done  # more than their patience
    function.go_on.release()
    assert [other.result(20) for other in others] == [4, 6]


def test_cancelled_item_is_not_processed(function: Function) -> None:
    batcher = Batcher("test", function)
    first = begin(batcher, function)
    cancelled, other = submit_all(batcher, [2, 3])
    assert cancelled.cancel()
    assert not first.cancel()  # its call has begun
    function.go_on.release(2)
    assert (first.result(20), other.result(20)) == (2, 6)
    assert function.groups == [[1], [3]]


def test_no_order_of_events_loses_an_item() -> None:
    """Calls take about as long as items wait, some fail, and some items are cancelled."""
    chance = random.Random(7)
    processed: list[int] = []

    def function(group: Sequence[int]) -> list[int]:
        time.sleep(chance.choice((0, 0.001, 0.003, 0.006)))
        if chance.random() < 0.1:
            raise OSError
        processed.extend(group)
        return [2 * number for number in group]

    batcher = Batcher("test", function, patience=0.003, most=50)

    def outcome(number: int) -> str:
        future = batcher.submit(number)
        try:
            if number % 10 == 0:
                with suppress(TimeoutError):
                    future.result(0.001)
                future.cancel()
            return "processed" if future.result() == 2 * number else "result of another item"
        except CancelledError:
            return "cancelled"
        except BatchError as error:
            return type(error.__cause__).__name__

    numbers = range(5000)
    with ThreadPoolExecutor(200) as pool:
        outcomes = list(pool.map(outcome, numbers, timeout=60))
    assert set(outcomes) == {"processed", "cancelled", "OSError", "NoneType"}
    assert sorted(processed) == [n for n in numbers if outcomes[n] == "processed"]
