"""Metrics of webhooks, from their tables."""

from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from library.models import DeliveryOutcome, WebhookTally
from library.probes.webhook_metrics import OUTCOMES, read_webhooks, webhook_metrics
from tests.support.hooks import make_webhook
from tests.support.recipes import linked_clip

pytestmark = pytest.mark.django_db(transaction=True)
NOW = timezone.now()


def samples() -> dict[str, float]:
    """Return the values by name and labels."""
    connection.ensure_connection()
    with connection.wrap_database_errors:
        server = connection.connection
        assert isinstance(server, psycopg.Connection)
        return {
            " ".join((sample.name, *sample.labels.values())): sample.value
            for metric in webhook_metrics(read_webhooks(server))
            for sample in metric.samples
        }


def test_webhooks_are_counted_by_state_and_attempts_by_outcome() -> None:
    for fields in (
        {},
        {"failing_since": NOW},
        {"paused_at": NOW, "paused_reason": "editor"},
        {"failing_since": NOW, "paused_at": NOW, "paused_reason": "failed_for_a_day"},
    ):
        make_webhook("https://search.example/", **fields)
    for _ in range(2):
        WebhookTally.objects.add(DeliveryOutcome.FAILED)
    found = samples()
    states = ("active", "failing", "paused_by_editor", "paused_by_service")
    assert [found[f"clips_webhooks {state}"] for state in states] == [1] * 4
    assert found["clips_webhook_deliveries_total failed"] == 2
    assert found["clips_webhook_deliveries_total delivered"] == 0


def test_outcomes_are_those_of_the_model() -> None:
    assert [*OUTCOMES] == DeliveryOutcome.values


def test_lag_is_the_age_of_the_oldest_change_that_was_not_delivered() -> None:
    linked_clip.make()
    webhook = make_webhook("https://search.example/")
    assert samples()["clips_webhook_lag_seconds"] == 0
    linked_clip.make()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE library_change SET at = at - interval '500 s'")
    assert samples()["clips_webhook_lag_seconds"] == pytest.approx(500, abs=20)
    webhook.pause()
    assert samples()["clips_webhook_lag_seconds"] == 0
    assert webhook.paused_at is not None
    assert timezone.now() - webhook.paused_at < timedelta(minutes=1)
