"""Workers notice webhooks that have something to send, and put their tasks into the queue."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from library.changes import feed
from library.changes.webhooks import delivering
from library.models import Task, Webhook
from library.tasks import webhooks
from library.tasks.queue import defer
from tests.support import tasks
from tests.support.hooks import make_webhook
from tests.support.recipes import linked_clip
from tests.support.tasks import Context

URL = "https://search.example/hook"
pytestmark = pytest.mark.django_db(transaction=True)


def notice() -> int:
    """Look for changes as a worker does. Return the number of new tasks."""
    return tasks.notice(webhooks.request_deliveries)


def test_changes_are_noticed() -> None:
    linked_clip.make()
    webhook = make_webhook(URL)
    assert notice() == 0
    linked_clip.make()
    assert (notice(), notice()) == (1, 0)  # it waits already
    assert not defer(webhooks.deliver_webhook, webhook_id=webhook.pk)  # the same task
    task = Task.objects.get()
    assert (task.lock, task.queue_name) == (f"webhook {webhook.pk}", "webhooks")
    Task.objects.update(status="doing")
    assert notice() == 0
    Task.objects.all().delete()
    Webhook.objects.update(cursor=feed.latest())
    assert notice() == 0


@pytest.mark.parametrize(
    ("fields", "number"),
    [
        ({"paused_at": timezone.now()}, 0),
        ({"next_attempt_at": timezone.now() + timedelta(hours=1)}, 0),
        ({"next_attempt_at": timezone.now() - timedelta(seconds=1)}, 1),
    ],
)
def test_paused_and_waiting_webhooks_are_left_alone(fields: dict[str, Any], number: int) -> None:
    make_webhook(URL, **fields)
    linked_clip.make()
    assert notice() == number


def test_many_messages_are_several_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []

    def deliver(webhook_id: int) -> bool:
        sent.append(webhook_id)
        return True

    monkeypatch.setattr(delivering, "deliver_next", deliver)
    webhooks.deliver_webhook.func(Context(), webhook_id=5)
    assert sent == [5] * webhooks.MOST_MESSAGES
    assert Task.objects.get().args == {"webhook_id": 5}
    webhooks.deliver_webhook.func(Context(stopping=True), webhook_id=5)
    assert len(sent) == webhooks.MOST_MESSAGES


def test_slow_messages_are_several_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []

    def deliver(webhook_id: int) -> bool:
        sent.append(webhook_id)
        return True

    monkeypatch.setattr(delivering, "deliver_next", deliver)
    monkeypatch.setattr(webhooks, "LONGEST", 0.0)
    webhooks.deliver_webhook.func(Context(), webhook_id=5)
    assert (len(sent), Task.objects.count()) == (1, 1)
