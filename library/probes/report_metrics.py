"""Metrics of reports of clips. `library.probes.database_metrics` runs the query."""

from collections.abc import Iterator
from typing import Any

import psycopg
from prometheus_client.core import GaugeMetricFamily, Metric

REASONS = ("spam", "rights", "broken")  # Reason: the process of metrics loads no models
OPEN = "SELECT reason, count(*) FROM library_report WHERE closed_at IS NULL GROUP BY reason"


def read_reports(connected: psycopg.Connection[Any]) -> dict[str, int]:
    """Return the number of open reports by reason."""
    return dict.fromkeys(REASONS, 0) | dict(connected.execute(OPEN).fetchall())


def report_metrics(numbers: dict[str, int]) -> Iterator[Metric]:
    """Yield the metric of reports."""
    reports = GaugeMetricFamily(
        "clips_reports_open", "Reports of clips that wait for an editor.", labels=["reason"]
    )
    for reason, number in numbers.items():
        reports.add_metric([reason], number)
    yield reports
