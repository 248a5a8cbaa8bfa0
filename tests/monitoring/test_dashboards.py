"""Grafana's dashboards: made of their sources, read by Grafana's schema, and what they promise."""

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
from monitoring.grafana.slo import AVAILABILITY, FIRST_BYTE, PACES, Objective
from tests.monitoring.files import (
    ALERTS,
    DASHBOARDS,
    each_dashboard,
    panels_of,
    queries_of,
    read_yaml,
)

# In the mission's order.
PROMISED = """API request rates; Streaming Response Duration; Total Streams (Cumulative);
Total Streams Over Time; API Request Duration; Requests in progress; Total API requests;
Top Streamed Clips"""


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in files()])
def test_committed_file_is_what_its_source_makes(path: Path) -> None:
    assert path.read_text() == files()[path], "`make dashboards` makes it anew"


@each_dashboard
def test_grafana_s_own_schema_reads_and_writes_it_without_a_difference(
    dashboard: dict[str, Any],
) -> None:
    register_default_plugins()
    assert json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard))) == dashboard


def test_the_promised_panels_come_first() -> None:
    clips = next(dashboard for dashboard in DASHBOARDS if dashboard["uid"] == "clips")
    promised = re.split(r";\s", PROMISED)
    first = [panel["title"] for panel in panels_of(clips)][: len(promised)]
    assert (clips["title"], sorted(first)) == ("Clips", sorted(promised))


@each_dashboard
def test_nothing_is_stacked_to_a_hundred_percent(dashboard: dict[str, Any]) -> None:
    stacking = [
        panel["fieldConfig"]["defaults"].get("custom", {}).get("stacking", {"mode": "none"})
        for panel in panels_of(dashboard)
    ]
    assert {each["mode"] for each in stacking} == {"none"}


@each_dashboard
def test_panels_have_ids_and_places_of_their_own(dashboard: dict[str, Any]) -> None:
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
def test_panels_expect_data_as_often_as_prometheus_scrapes(dashboard: dict[str, Any]) -> None:
    scraped = read_yaml("prometheus/prometheus.yml")["global"]["scrape_interval"]
    (source,) = read_yaml("grafana/provisioning/datasources/prometheus.yml")["datasources"]
    asked = {source["jsonData"]["timeInterval"], *(p["interval"] for p in panels_of(dashboard))}
    assert asked == {scraped}


def test_totals_that_every_replica_tells_alike_are_not_added_up() -> None:
    queries = [query for dashboard in DASHBOARDS for query in queries_of(dashboard)]
    totals = [q for q in queries if re.search("clips_(plays_recorded|top_streamed)_total", q)]
    assert totals
    assert all("max" in query and "sum" not in query for query in totals)


def test_every_view_of_the_api_is_on_the_dashboard() -> None:
    queries = [query for dashboard in DASHBOARDS for query in queries_of(dashboard)]
    (views,) = {views for query in queries for views in re.findall(r'view=~"(.+?)"', query)}
    names = [url.name for url in urlpatterns if isinstance(url, URLPattern)]
    assert [name for name in names if not re.fullmatch(views, f"{name}")] == []


@pytest.mark.parametrize(
    ("objective", "alert"),
    [(AVAILABILITY, "StreamErrors"), (FIRST_BYTE, "StreamStartsSlow")],
    ids=["availability", "first byte"],
)
def test_objective_is_that_of_its_alerts(objective: Objective, alert: str) -> None:
    expressions = [rule["expr"] for rule in ALERTS if rule["alert"] == alert]
    limits = [re.findall(r"> ([\d.]+) \* ([\d.]+)", expression) for expression in expressions]
    paces = {float(pace) for found in limits for pace, _ in found}
    assert {float(budget) for found in limits for _, budget in found} == {objective.budget}
    assert paces == {pace for pace, _ in PACES}


def test_grafana_is_provisioned_with_both_sources_and_the_dashboards() -> None:
    (prometheus,) = read_yaml("grafana/provisioning/datasources/prometheus.yml")["datasources"]
    (alerts,) = read_yaml("grafana/provisioning/datasources/alertmanager.yml")["datasources"]
    (provider,) = read_yaml("grafana/provisioning/dashboards/clips.yml")["providers"]
    assert prometheus["url"] == "http://prometheus:9090"
    assert alerts["url"] == "http://alertmanager:9093"
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
