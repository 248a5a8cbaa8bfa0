"""The rules of dashboard-linter, which the tests' docstrings name.

https://github.com/grafana/dashboard-linter/tree/main/docs/rules. The file `.lint` contains the
exceptions with their reasons.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring.files import (
    DASHBOARDS,
    MONITORING,
    TITLES,
    each_dashboard,
    needs_prometheus,
    panels_of,
    queries_of,
    read_yaml,
)

UNITS = {"none", "short", "locale", "percentunit", "s", "bytes", "Bps", "reqps", "ops", "cpm"}
EXCLUSIONS = yaml.safe_load((MONITORING / "grafana/dashboards/.lint").read_text())["exclusions"]


def targets(dashboard: dict[str, Any], rule: str) -> Iterator[str]:
    """Yield the queries of a dashboard, without those that `.lint` excludes from a rule."""
    entries = EXCLUSIONS.get(rule, {"entries": []})["entries"]
    excluded = [entry["panel"] for entry in entries if entry["dashboard"] == dashboard["title"]]
    for panel in panels_of(dashboard):
        if panel["title"] not in excluded:
            yield from (target["expr"] for target in panel["targets"])


@each_dashboard
def test_dashboard_is_read_only_and_tagged(dashboard: dict[str, Any]) -> None:
    """uneditable-dashboard."""
    assert (dashboard["editable"], dashboard["tags"]) == (False, ["clips"])


@each_dashboard
def test_data_source_is_a_variable_that_defaults_to_the_provisioned_one(
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
def test_dashboard_filters_by(dashboard: dict[str, Any], name: str) -> None:
    """template-job-rule, template-instance-rule, template-on-time-change-reload-rule.

    And template-label-promql-rule.
    """
    (variable,) = [v for v in dashboard["templating"]["list"] if v["name"] == name]
    assert (variable["type"], variable["label"], variable["refresh"]) == ("query", name.title(), 2)
    assert [variable[key] for key in ("multi", "includeAll", "allValue")] == [True, True, ".+"]
    assert variable["datasource"]["uid"] == "${datasource}"
    assert re.fullmatch(rf"label_values\(clips_database_up.*, {name}\)", variable["query"])


@each_dashboard
def test_panels_have_title_description_queries_and_unit(dashboard: dict[str, Any]) -> None:
    """panel-title-description-rule, panel-units-rule, panel-no-targets-rule."""
    for panel in panels_of(dashboard):
        assert all(panel[key] for key in ("title", "description", "targets"))
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS


@each_dashboard
def test_panels_use_the_selected_data_source(dashboard: dict[str, Any]) -> None:
    """panel-datasource-rule."""
    for panel in panels_of(dashboard):
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert {source["uid"] for source in sources} == {"${datasource}"}


@each_dashboard
def test_rates_use_the_rate_interval(dashboard: dict[str, Any]) -> None:
    """target-rate-interval-rule."""
    for query in targets(dashboard, "target-rate-interval-rule"):
        assert set(re.findall(r"\bi?rate\([^\[]*\[(.*?)\]", query)) <= {"$__rate_interval"}
        assert set(re.findall(r"\[(.*?)\]", query)) <= {"$__rate_interval", "$__range"}


@each_dashboard
@pytest.mark.parametrize("label", ["job", "instance"])
def test_every_selector_filters_by(dashboard: dict[str, Any], label: str) -> None:
    """target-job-rule, target-instance-rule, but for every selector of a query."""
    for query in targets(dashboard, f"target-{label}-rule"):
        selectors = re.findall(r"\b[\w:]+({.*?})", query)
        assert len(selectors) == len(
            re.findall(r"(?<!:)\b(?:clips_|django_|instance:|ALERTS\b)", query)
        )
        assert all(f'{label}=~"${label}"' in selector for selector in selectors), query


@each_dashboard
def test_counters_are_queried_as_rates(dashboard: dict[str, Any]) -> None:
    """target-counter-agg-rule."""
    for query in targets(dashboard, "target-counter-agg-rule"):
        counters = re.findall(r"(\w+)\(\w+_total\b", query)
        assert len(counters) == len(re.findall(r"_total\b", query))
        assert set(counters) <= {"rate", "irate", "increase"}, query


def test_every_exception_from_the_rules_has_a_reason_and_names_an_existing_panel() -> None:
    for rule in EXCLUSIONS.values():
        assert rule["reason"]
        for entry in rule["entries"]:
            dashboard = DASHBOARDS[TITLES.index(entry["dashboard"])]
            assert entry["panel"] in [panel["title"] for panel in panels_of(dashboard)]


@needs_prometheus
def test_every_query_is_valid_promql(tmp_path: Path) -> None:
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
