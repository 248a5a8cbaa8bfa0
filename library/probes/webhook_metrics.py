"""Metrics of webhooks, from their tables: all workers together, in whichever process.

`library.probes.database_metrics` runs the queries.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

# The columns of NUMBERS, in their order.
STATES = ("active", "failing", "paused_by_editor", "paused_by_service")
NUMBERS = """
SELECT
    count(*) FILTER (WHERE paused_at IS NULL AND failing_since IS NULL),
    count(*) FILTER (WHERE paused_at IS NULL AND failing_since IS NOT NULL),
    count(*) FILTER (WHERE paused_reason = 'editor'),
    count(*) FILTER (WHERE paused_reason NOT IN ('', 'editor'))
FROM library_webhook
"""
# The age of the oldest change that a webhook has not got.
LAG = """
SELECT coalesce(max(extract(epoch FROM now() - oldest.at)), 0)::float
FROM library_webhook CROSS JOIN LATERAL (
    SELECT at FROM library_change
    WHERE last_seq > cursor AND change IS NOT NULL ORDER BY last_seq LIMIT 1
) AS oldest
WHERE paused_at IS NULL AND cursor < (SELECT last_change FROM library_changestate)
"""
TALLIES = "SELECT outcome, number FROM library_webhooktally"
OUTCOMES = ("delivered", "failed")  # DeliveryOutcome: the process of metrics loads no models


@dataclass(frozen=True)
class WebhookNumbers:
    """The state of the webhooks."""

    states: dict[str, int]
    deliveries: dict[str, int]  # attempts by outcome
    lag: float  # seconds


def read_webhooks(connected: psycopg.Connection[Any]) -> WebhookNumbers:
    """Return the current numbers."""
    numbers = connected.execute(NUMBERS).fetchone() or (0,) * len(STATES)
    tallies = dict(connected.execute(TALLIES).fetchall())
    (lag,) = connected.execute(LAG).fetchone() or (0.0,)
    return WebhookNumbers(
        states=dict(zip(STATES, numbers, strict=True)),
        deliveries={outcome: tallies.get(outcome, 0) for outcome in OUTCOMES},
        lag=max(0.0, lag),
    )


def webhook_metrics(numbers: WebhookNumbers) -> Iterator[Metric]:
    """Yield the metrics of webhooks."""
    states = GaugeMetricFamily("clips_webhooks", "Webhooks by their state.", labels=["state"])
    for state, number in numbers.states.items():
        states.add_metric([state], number)
    deliveries = CounterMetricFamily(
        "clips_webhook_deliveries", "Attempts to deliver a message.", labels=["outcome"]
    )
    for outcome, number in numbers.deliveries.items():
        deliveries.add_metric([outcome], number)
    yield from (states, deliveries)
    yield GaugeMetricFamily(
        "clips_webhook_lag_seconds",
        "Age of the oldest change that a webhook has not got, of those that are not paused.",
        value=numbers.lag,
    )
