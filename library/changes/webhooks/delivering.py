"""Delivering the changes of the feed to a webhook, in order and at least once.

The cursor moves in the transaction that notes the delivery. A process that is killed in between
leaves the message fixed, so the next one repeats it with the same id and the same changes.
"""

import logging
from typing import NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from library.changes.feed import CursorExpiredError
from library.changes.webhooks import messages, schedule
from library.changes.webhooks.connections import brief_connection
from library.changes.webhooks.messages import Batch, Message, new_id, next_batch
from library.changes.webhooks.sending import EXPIRED, GONE, Result, send
from library.models import DeliveryKind, PauseReason, Webhook, WebhookDelivery, WebhookTally
from library.models.webhook import MESSAGE, TRIES

logger = logging.getLogger(__name__)

_OLDEST = "SELECT pruned FROM library_changestate"


class _Attempt(NamedTuple):
    webhook: Webhook
    message: Message
    batch: Batch


def deliver_next(webhook_id: int) -> bool:
    """Send the next message of a webhook that is due. Return whether another one can follow now."""
    attempt = _begin(webhook_id)
    if attempt is None:
        return False
    if not attempt.batch.changes:  # only changes of other kinds
        return attempt.batch.more
    result = send(attempt.webhook, attempt.message)
    _end(attempt, result)
    return not result.code and attempt.batch.more


@brief_connection()
def _begin(webhook_id: int) -> _Attempt | None:
    """Fix the next message, or return None if there is nothing to send now."""
    with transaction.atomic():
        webhook = Webhook.objects.due().select_for_update(no_key=True).filter(pk=webhook_id).first()
        if webhook is None:
            return None
        try:
            batch = next_batch(webhook.cursor, webhook.changes, webhook.message_until)
        except CursorExpiredError:
            _continue_at_oldest(webhook)
            batch = next_batch(webhook.cursor, webhook.changes)
        if not batch.changes:
            webhook.cursor = batch.until
            webhook.forget_message()
            webhook.save(update_fields=["cursor", *MESSAGE])
        elif not webhook.message_id or webhook.message_at is None:
            webhook.message_id, webhook.message_at = new_id(), timezone.now()
            webhook.message_until = batch.until
            webhook.save(update_fields=MESSAGE)
        at = webhook.message_at or timezone.now()
        message = messages.changes_message(webhook.message_id, at, batch.changes)
        return _Attempt(webhook, message, batch)


@brief_connection()
def _end(attempt: _Attempt, result: Result) -> None:
    """Note the result and move the cursor, unless the message is no longer the next one."""
    webhook, message, batch = attempt
    with transaction.atomic():
        current = _locked(webhook.pk)
        if current is None:
            return
        _note(DeliveryKind.CHANGES, webhook, message, result, batch, webhook.cursor)
        # An editor has changed it meanwhile, or another worker has delivered the same message.
        if (current.message_id, current.url) != (message.id, webhook.url):
            return
        if result.code:
            _fail(current, result)
        else:
            current.cursor, current.delivered_at = batch.until, timezone.now()
            current.forget_message()
            current.try_now()
            current.save(update_fields=["cursor", "delivered_at", *MESSAGE, *TRIES])


def _fail(webhook: Webhook, result: Result) -> None:
    """Plan the next attempt, or pause the webhook."""
    now = timezone.now()
    webhook.failures += 1
    webhook.failing_since = webhook.failing_since or now
    webhook.next_attempt_at = schedule.next_attempt(
        webhook.failures, webhook.failing_since, now, result.retry_after
    )
    webhook.save(update_fields=TRIES)
    if webhook.paused_at is None and (result.code == GONE or webhook.next_attempt_at is None):
        webhook.pause(PauseReason.GONE if result.code == GONE else PauseReason.FAILING)
        logger.error(
            "Webhook paused: %s",
            PauseReason(webhook.paused_reason).label,
            extra={"webhook": webhook.pk, "code": result.code},
        )


def send_test(webhook_id: int, message_id: str) -> None:
    """Send a test message, also if the webhook is paused. The log has its result."""
    with brief_connection():
        webhook = Webhook.objects.filter(pk=webhook_id).first()
    if webhook is not None:
        message = messages.test_message(message_id, timezone.now(), webhook_id)
        result = send(webhook, message)
        with brief_connection(), transaction.atomic():
            if _locked(webhook_id) is not None:
                _note(DeliveryKind.TEST, webhook, message, result)


def resend(delivery_id: int) -> None:
    """Send the message of an entry of the log again, with the same id. The cursor stays."""
    with brief_connection():
        entry = WebhookDelivery.objects.filter(pk=delivery_id).select_related("webhook").first()
        if entry is None or entry.after is None or entry.until is None:
            return
        batch = Batch((), entry.until, more=False)
        result: Result | None = None
        try:
            batch = next_batch(entry.after, entry.kinds, entry.until)
        except CursorExpiredError:
            result = Result(EXPIRED, 0.0)
    message = messages.changes_message(entry.message_id, entry.message_at, batch.changes)
    result = result or send(entry.webhook, message)
    with brief_connection(), transaction.atomic():
        if _locked(entry.webhook_id) is not None:
            _note(DeliveryKind.RESEND, entry.webhook, message, result, batch, entry.after)


def _continue_at_oldest(webhook: Webhook) -> None:
    """Move the cursor to the oldest change that is kept, and note that others were lost."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST)
        oldest: int = cursor.fetchone()[0]
    at = timezone.now()
    lost = Batch((), oldest, more=True)
    message = messages.changes_message(new_id(), at, ())
    result = Result(EXPIRED, 0.0)
    _note(DeliveryKind.CHANGES, webhook, message, result, lost, webhook.cursor)
    webhook.cursor = oldest
    webhook.forget_message()
    webhook.save(update_fields=["cursor", *MESSAGE])


def _locked(webhook_id: int) -> Webhook | None:
    """Return the webhook, locked until the transaction ends; None if it was deleted."""
    return Webhook.objects.select_for_update(no_key=True).filter(pk=webhook_id).first()


def _note(
    kind: DeliveryKind,
    webhook: Webhook,
    message: Message,
    result: Result,
    batch: Batch | None = None,
    after: int | None = None,
) -> None:
    """Write the result into the webhook's log, the tally, and the log of the process."""
    entry = WebhookDelivery.objects.create(
        webhook_id=webhook.pk,
        kind=kind,
        message_id=message.id,
        message_at=message.at,
        kinds=webhook.changes if batch else [],
        after=after,
        until=batch.until if batch else None,
        number=len(batch.changes) if batch else 0,
        seconds=round(result.seconds, 3),
        status=result.status,
        code=result.code,
        response=result.response,
    )
    WebhookTally.objects.add(entry.outcome)
    facts = {"webhook": webhook.pk, "message_id": message.id, "status": result.status}
    if result.code:
        logger.warning("Webhook message not delivered: %s", result.code, extra=facts)
    else:
        logger.info("Webhook message delivered", extra=facts)
