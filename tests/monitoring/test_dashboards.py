"""Grafana's dashboards: generated files, schema, required panels and conventions."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLPattern
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from library.api.urls import urlpatterns
from monitoring.__main__ import files
from monitoring.grafana.slo import AVAILABILITY, BURN_RATES, FIRST_BYTE, Objective
from tests.monitoring.files import (
    ALERTS,
    DASHBOARDS,
    each_dashboard,
    panels_of,
    queries_of,
    read_yaml,
)

# The titles that the mission names, in its order
REQUIRED = """API request rates; Streaming Response Duration; Total Streams (Cumulative);
Total Streams Over Time; API Request Duration; Requests in progress; Total API requests;
Top Streamed Clips"""


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in files()])
def test_committed_file_matches_its_source(path: Path) -> None:
    assert path.read_text() == files()[path], "run `make dashboards`"


@each_dashboard
def test_grafana_schema_round_trip_changes_nothing(
    dashboard: dict[str, Any],
) -> None:
    register_default_plugins()
    assert json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard))) == dashboard


def test_required_panels_come_first() -> None:
    clips = next(dashboard for dashboard in DASHBOARDS if dashboard["uid"] == "clips")
    required = re.split(r";\s", REQUIRED)
    first = [panel["title"] for panel in panels_of(clips)][: len(required)]
    assert (clips["title"], sorted(first)) == ("Clips", sorted(required))


@each_dashboard
def test_no_chart_is_stacked(dashboard: dict[str, Any]) -> None:
    stacking = [
        panel["fieldConfig"]["defaults"].get("custom", {}).get("stacking", {"mode": "none"})
        for panel in panels_of(dashboard)
    ]
    assert {each["mode"] for each in stacking} == {"none"}


@each_dashboard
def test_panel_ids_are_unique_and_panels_fill_every_row_without_overlap(
    dashboard: dict[str, Any],
) -> None:
    ids = Counter(panel["id"] for panel in dashboard["panels"])
    cells = Counter(
        (column, line)
        for place in (panel["gridPos"] for panel in dashboard["panels"])
        for column in range(place["x"], place["x"] + place["w"])
        for line in range(place["y"], place["y"] + place["h"])
    )
    lines = {line for _, line in cells}
    assert {*ids.values(), *cells.values()} == {1}
    assert len(cells) == 24 * len(lines), "every line is filled"


@each_dashboard
def test_panel_interval_is_the_scrape_interval(dashboard: dict[str, Any]) -> None:
    scraped = read_yaml("prometheus/prometheus.yml")["global"]["scrape_interval"]
    (source,) = read_yaml("grafana/provisioning/datasources/prometheus.yml")["datasources"]
    intervals = {source["jsonData"]["timeInterval"], *(p["interval"] for p in panels_of(dashboard))}
    assert intervals == {scraped}


def test_totals_that_every_replica_reports_are_not_added_up() -> None:
    queries = [query for dashboard in DASHBOARDS for query in queries_of(dashboard)]
    totals = [q for q in queries if re.search("clips_(plays_recorded|top_streamed)_total", q)]
    assert totals
    assert all("max" in query and "sum" not in query for query in totals)


def test_queries_match_every_view_of_the_api() -> None:
    queries = [query for dashboard in DASHBOARDS for query in queries_of(dashboard)]
    (views,) = {views for query in queries for views in re.findall(r'view=~"(.+?)"', query)}
    names = [url.name for url in urlpatterns if isinstance(url, URLPattern)]
    assert [name for name in names if not re.fullmatch(views, f"{name}")] == []


@pytest.mark.parametrize(
    ("objective", "alert"),
    [(AVAILABILITY, "StreamErrors"), (FIRST_BYTE, "StreamStartsSlow")],
    ids=["availability", "first byte"],
)
def test_objective_has_the_budget_and_burn_rates_of_its_alerts(
    objective: Objective, alert: str
) -> None:
    expressions = [rule["expr"] for rule in ALERTS if rule["alert"] == alert]
    limits = [re.findall(r"> ([\d.]+) \* ([\d.]+)", expression) for expression in expressions]
    rates = {float(rate) for found in limits for rate, _ in found}
    assert {float(budget) for found in limits for _, budget in found} == {objective.budget}
    assert rates == {rate for rate, _ in BURN_RATES}


def test_grafana_is_provisioned_with_both_data_sources_and_the_dashboards() -> None:
    (prometheus,) = read_yaml("grafana/provisioning/datasources/prometheus.yml")["datasources"]
    (alerts,) = read_yaml("grafana/provisioning/datasources/alertmanager.yml")["datasources"]
    (provider,) = read_yaml("grafana/provisioning/dashboards/clips.yml")["providers"]
    assert prometheus["url"] == "http://prometheus:9090"
    assert alerts["url"] == "http://alertmanager:9093"
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
