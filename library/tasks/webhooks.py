"""Tasks that deliver webhooks. Workers notice what is due, so a change of a clip costs nothing."""

import time
from typing import Any

from procrastinate import JobContext

from library.changes.webhooks import delivering
from library.changes.webhooks.connections import brief_connection
from library.changes.webhooks.messages import new_id
from library.models import Webhook, WebhookDelivery
from library.tasks.queue import MAINTENANCE, WEBHOOKS, defer, periodic, task

# A task ends after so many messages or seconds, and another one continues: perhaps in another
# worker, if this one is stopped.
MOST_MESSAGES, LONGEST = 20, 30.0
# A receiver gets its messages one at a time. Tests and repetitions do not wait for them.
LOCK = "webhook {webhook_id}"
TEST_LOCK = "test of webhook {webhook_id}"
RESEND_LOCK = "repetition of webhook {webhook_id}"
# The task is that of `defer(deliver_webhook, webhook_id=...)`.
_NOTICE = """
INSERT INTO procrastinate_jobs (task_name, queue_name, priority, lock, queueing_lock, args)
SELECT 'deliver_webhook', %(queue)s, 0, 'webhook ' || id,
    'deliver_webhook {"webhook_id":' || id || '}', jsonb_build_object('webhook_id', id)
FROM library_webhook AS webhook
WHERE paused_at IS NULL AND (next_attempt_at IS NULL OR next_attempt_at <= now())
    AND cursor < (SELECT last_change FROM library_changestate)
    AND NOT EXISTS (
        SELECT FROM procrastinate_jobs running
        WHERE running.lock = 'webhook ' || webhook.id AND running.status = 'doing'
    )
ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
RETURNING id
"""


async def request_deliveries(connector: Any) -> int:
    """Put the tasks of webhooks into the queue that have something to send. Return how many."""
    return len(await connector.execute_query_all_async(_NOTICE, queue=WEBHOOKS))


@task(WEBHOOKS, lock=LOCK)
def deliver_webhook(context: JobContext, webhook_id: int) -> None:
    """Deliver the changes that a webhook has not got yet, in several tasks if they are many."""
    end = time.monotonic() + LONGEST
    for _ in range(MOST_MESSAGES):
        if context.should_abort() or not delivering.deliver_next(webhook_id):
            return
        if time.monotonic() > end:
            break
    with brief_connection():
        defer(deliver_webhook, webhook_id=webhook_id)


@task(WEBHOOKS, lock=TEST_LOCK)
def send_webhook_test(context: JobContext, webhook_id: int, message_id: str) -> None:
    """Send a test message."""
    delivering.send_test(webhook_id, message_id)


@task(WEBHOOKS, lock=RESEND_LOCK)
def resend_webhook_message(context: JobContext, webhook_id: int, delivery_id: int) -> None:
    """Send a message of the log again."""
    delivering.resend(delivery_id)


def request_test(webhook: Webhook) -> str:
    """Let a worker send a test message, and return its id."""
    message_id = new_id()
    defer(send_webhook_test, webhook_id=webhook.pk, message_id=message_id)
    return message_id


def request_resend(delivery: WebhookDelivery) -> None:
    """Let a worker send the message of an entry of the log again."""
    defer(resend_webhook_message, webhook_id=delivery.webhook_id, delivery_id=delivery.pk)


@periodic("7 4 * * *", MAINTENANCE)
def prune_webhook_deliveries(context: JobContext, timestamp: int) -> None:
    """Delete old entries of the log of deliveries."""
    WebhookDelivery.objects.prune()
