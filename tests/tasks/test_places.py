"""Which queues a worker takes tasks from, as its places fill."""

from library.changes.webhooks.subscriptions import MOST_WEBHOOKS
from library.tasks.places import Places
from library.tasks.queue import OWN_PLACES

QUEUES = ["audio", "sources", "webhooks"]


def test_long_tasks_leave_a_place_for_others() -> None:
    places = Places(QUEUES, 3)
    places.take(1, "sources")
    assert places.full_queues() == set()
    places.take(2, "backfill")
    assert places.full_queues() == {"sources"}
    places.take(3, "audio")
    assert places.open_queues() == ["webhooks"]
    assert [places.leave(job) for job in (3, 1, 2)] == [True, True, False]


def test_webhooks_neither_take_nor_need_the_places_of_others() -> None:
    places = Places(QUEUES, 1)
    number = OWN_PLACES["webhooks"]
    assert number > MOST_WEBHOOKS
    assert places.number == 1 + number
    for job in range(number):
        assert places.full_queues() == set()
        places.take(job, "webhooks")
    assert places.open_queues() == ["audio", "sources"]
    places.take(number, "unknown")
    assert places.open_queues() == []
    assert places.leave(0)
    assert places.open_queues() == ["webhooks"]


def test_worker_of_long_tasks_uses_all_its_places() -> None:
    places = Places(["sources", "webhooks"], 2)
    places.take(1, "sources")
    assert places.full_queues() == set()
    assert Places(["sources"], 2).number == 2
