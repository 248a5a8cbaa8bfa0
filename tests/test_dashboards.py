"""Grafana's dashboards, by the rules of dashboard-linter and some of our own.

https://github.com/grafana/dashboard-linter/tree/main/docs/rules: the names of its rules are told
where a test is of one. What `.lint` excludes from them has its reason there.
"""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.urls import URLPattern
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from library.api.urls import urlpatterns
from monitoring.__main__ import files
from monitoring.grafana.slo import AVAILABILITY, FIRST_BYTE, PACES, Objective
from tests.monitoring_files import (
    ALERTS,
    DASHBOARDS,
    MONITORING,
    TITLES,
    needs_prometheus,
    panels_of,
    queries_of,
    read_yaml,
)

# In the mission's order.
PROMISED = """API request rates; Streaming Response Duration; Total Streams (Cumulative);
Total Streams Over Time; API Request Duration; Requests in progress; Total API requests;
Top Streamed Clips"""
UNITS = {"none", "short", "locale", "percentunit", "s", "bytes", "Bps", "reqps", "ops", "cpm"}
EXCLUSIONS = yaml.safe_load((MONITORING / "grafana/dashboards/.lint").read_text())["exclusions"]

each_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=TITLES)


def targets(dashboard: dict[str, Any], rule: str) -> Iterator[str]:
    """A dashboard's queries, but those that `.lint` excludes from a rule."""
    entries = EXCLUSIONS.get(rule, {"entries": []})["entries"]
    excluded = [entry["panel"] for entry in entries if entry["dashboard"] == dashboard["title"]]
    for panel in panels_of(dashboard):
        if panel["title"] not in excluded:
            yield from (target["expr"] for target in panel["targets"])


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
def test_cannot_be_edited_and_is_found_by_its_tag(dashboard: dict[str, Any]) -> None:
    """uneditable-dashboard."""
    assert (dashboard["editable"], dashboard["tags"]) == (False, ["clips"])


@each_dashboard
def test_the_source_can_be_chosen_and_is_the_provisioned_one_at_first(
    dashboard: dict[str, Any],
) -> None:
    """template-datasource-rule."""
    source, *_ = dashboard["templating"]["list"]
    shown = [source[key] for key in ("type", "name", "label", "query")]
    assert shown == ["datasource", "datasource", "Data source", "prometheus"]
    (provisioned,) = read_yaml("grafana/provisioning/datasources/prometheus.yml")["datasources"]
    assert source["current"]["value"] == provisioned["uid"]


@each_dashboard
@pytest.mark.parametrize("name", ["job", "instance"])
def test_selects_by(dashboard: dict[str, Any], name: str) -> None:
    """template-job-rule, template-instance-rule, template-on-time-change-reload-rule.

    And template-label-promql-rule.
    """
    (variable,) = [v for v in dashboard["templating"]["list"] if v["name"] == name]
    assert (variable["type"], variable["label"], variable["refresh"]) == ("query", name.title(), 2)
    assert [variable[key] for key in ("multi", "includeAll", "allValue")] == [True, True, ".+"]
    assert variable["datasource"]["uid"] == "${datasource}"
    assert re.fullmatch(rf"label_values\(clips_database_up.*, {name}\)", variable["query"])


@each_dashboard
def test_panels_say_what_they_show_and_in_what_unit(dashboard: dict[str, Any]) -> None:
    """panel-title-description-rule, panel-units-rule, panel-no-targets-rule."""
    for panel in panels_of(dashboard):
        assert all(panel[key] for key in ("title", "description", "targets"))
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS


@each_dashboard
def test_panels_ask_the_chosen_source(dashboard: dict[str, Any]) -> None:
    """panel-datasource-rule."""
    for panel in panels_of(dashboard):
        asked = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert {source["uid"] for source in asked} == {"${datasource}"}


@each_dashboard
def test_rates_look_back_as_far_as_grafana_advises(dashboard: dict[str, Any]) -> None:
    """target-rate-interval-rule."""
    for query in targets(dashboard, "target-rate-interval-rule"):
        assert set(re.findall(r"\bi?rate\([^\[]*\[(.*?)\]", query)) <= {"$__rate_interval"}
        assert set(re.findall(r"\[(.*?)\]", query)) <= {"$__rate_interval", "$__range"}


@each_dashboard
@pytest.mark.parametrize("label", ["job", "instance"])
def test_queries_follow_the_chosen(dashboard: dict[str, Any], label: str) -> None:
    """target-job-rule, target-instance-rule: every selector, not only one of a query."""
    for query in targets(dashboard, f"target-{label}-rule"):
        selectors = re.findall(r"\b[\w:]+({.*?})", query)
        assert len(selectors) == len(
            re.findall(r"(?<!:)\b(?:clips_|django_|instance:|ALERTS\b)", query)
        )
        assert all(f'{label}=~"${label}"' in selector for selector in selectors), query


@each_dashboard
def test_counters_are_read_as_rates(dashboard: dict[str, Any]) -> None:
    """target-counter-agg-rule."""
    for query in targets(dashboard, "target-counter-agg-rule"):
        counters = re.findall(r"(\w+)\(\w+_total\b", query)
        assert len(counters) == len(re.findall(r"_total\b", query))
        assert set(counters) <= {"rate", "irate", "increase"}, query


def test_every_exclusion_from_the_linter_s_rules_has_a_reason_and_a_panel() -> None:
    for rule in EXCLUSIONS.values():
        assert rule["reason"]
        for entry in rule["entries"]:
            dashboard = DASHBOARDS[TITLES.index(entry["dashboard"])]
            assert entry["panel"] in [panel["title"] for panel in panels_of(dashboard)]


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


@needs_prometheus
def test_every_query_is_promql(tmp_path: Path) -> None:
    """target-promql-rule, by promtool."""
    rules = [
        {"record": "a", "expr": re.sub(r"\$__\w+", "1m", query)}
        for dashboard in DASHBOARDS
        for query in queries_of(dashboard)
    ]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    command = ["promtool", "check", "rules", "--lint=none", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


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
