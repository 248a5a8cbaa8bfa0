"""Which threads of tasks keep their connection to PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from unittest.mock import Mock

import pytest

from library.tasks import worker
from library.tasks.queue import AUDIO, WEBHOOKS
from tests.support.tasks import Context

MOST = 2


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Mock:
    connections = Mock()
    monkeypatch.setattr(worker, "connections", connections)
    closed: Mock = connections.close_all
    return closed


def run(middleware: Any, queue: str) -> None:
    middleware(lambda: None, Context(queue=queue), None)


def test_few_threads_keep_theirs(closed: Mock) -> None:
    middleware = worker._disconnecting(MOST)
    together = Barrier(5)

    def work() -> None:
        together.wait()  # so that each has a thread of its own
        run(middleware, AUDIO)

    with ThreadPoolExecutor(5) as pool:
        for each in [pool.submit(work) for _ in range(5)]:
            each.result()
    assert closed.call_count == 5 - MOST


def test_thread_that_keeps_its_connection_uses_it_again(closed: Mock) -> None:
    middleware = worker._disconnecting(MOST)
    for _ in range(5):
        run(middleware, AUDIO)
    assert not closed.called


def test_threads_of_webhooks_keep_none(closed: Mock) -> None:
    middleware = worker._disconnecting(MOST)
    run(middleware, AUDIO)
    run(middleware, WEBHOOKS)
    assert closed.call_count == 1


def test_failed_task_closes_as_others_do(closed: Mock) -> None:
    middleware = worker._disconnecting(0)
    with pytest.raises(ZeroDivisionError):
        middleware(lambda: 1 / 0, Context(), None)
    assert closed.call_count == 1
