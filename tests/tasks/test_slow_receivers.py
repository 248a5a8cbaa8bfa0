"""A worker delivers webhooks although other receivers are slow, and audio takes long."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from harness.waiting import until
from library.changes.webhooks.connections import MOST_CONNECTIONS
from library.models import WebhookDelivery
from library.tasks.webhooks import request_test
from tests.support.hooks import HookReceiver, make_webhook, respond
from tests.support.recipes import linked_clip
from tests.tasks.conftest import Noted, WorkerProcess

NUMBER = settings.CLIPS_WORKER_CONCURRENCY + MOST_CONNECTIONS  # of receivers that are slow


@pytest.fixture
def receivers(transactional_db: None) -> Iterator[list[HookReceiver]]:
    with ExitStack() as stack:
        yield [stack.enter_context(closing(HookReceiver())) for _ in range(NUMBER + 1)]


def test_slow_receivers_delay_neither_others_nor_tests_nor_audio(
    receivers: list[HookReceiver], start_worker: Callable[..., WorkerProcess], job: Noted
) -> None:
    *slow, healthy = receivers
    released = threading.Event()

    def hold(handler: Any) -> None:
        released.wait(60)
        respond(handler, 204)

    for each in slow:
        each.answers.append(hold)
    held, *_ = [make_webhook(each.url) for each in slow]
    linked_clip.make()
    before = connections()
    start_worker(queues=("tests", "webhooks"))
    until(lambda: all(each.received for each in slow))
    make_webhook(healthy.url)
    linked_clip.make()
    until(lambda: bool(healthy.received))
    until(lambda: len(job.processes("began")) == 1)
    message_id = request_test(held)  # its receiver is holding a message
    until(lambda: WebhookDelivery.objects.filter(message_id=message_id, code="").exists())
    until(lambda: delivered() == 1)
    assert connections() - before <= 3 + MOST_CONNECTIONS  # docs/configuration.md
    released.set()
    until(lambda: delivered() == 2 * NUMBER + 1)
    job.let_finish()
    job.await_status("succeeded")


def delivered() -> int:
    """Return the number of messages with changes that have been delivered."""
    return WebhookDelivery.objects.filter(kind="changes", code="").count()


def connections() -> int:
    """Return the number of connections to the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        (number,) = cursor.fetchone()
    return int(number)
