"""Metrics of reports of clips."""

import psycopg
from django.db import connection

from library.models import Outcome, Reason, Report
from library.probes.report_metrics import REASONS, read_reports, report_metrics
from tests.support.recipes import make_clip
from tests.support.reports import make_report


def test_open_reports_are_counted_by_reason(db: None) -> None:
    for reason in ("spam", "spam", "broken", "rights"):
        make_report(make_clip(), reason)
    Report.objects.filter(reason="rights").close(None, Outcome.DISMISSED)
    server = connection.connection
    assert isinstance(server, psycopg.Connection)
    (metric,) = report_metrics(read_reports(server))
    found = {sample.labels["reason"]: sample.value for sample in metric.samples}
    assert found == {"spam": 2, "rights": 0, "broken": 1}


def test_reasons_are_those_of_the_model() -> None:
    assert [*REASONS] == Reason.values
