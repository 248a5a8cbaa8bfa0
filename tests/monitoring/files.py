"""The contents of monitoring/."""

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

MONITORING = Path(__file__).parents[2] / "monitoring"
README = (MONITORING / "README.md").read_text()
RUNBOOK = (MONITORING / "runbook.md").read_text()
DASHBOARDS: list[dict[str, Any]] = [
    json.loads(path.read_text())
    for path in sorted((MONITORING / "grafana/dashboards").glob("*.json"))
]
TITLES = [dashboard["title"] for dashboard in DASHBOARDS]
each_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=TITLES)
needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="Prometheus is not installed: `make system-tools`",
)
needs_alertmanager = pytest.mark.skipif(
    not shutil.which("amtool"), reason="Alertmanager is not installed: `make system-tools`"
)


@cache
def read_yaml(name: str) -> Any:
    return yaml.safe_load((MONITORING / name).read_text())


GROUPS: dict[str, list[dict[str, Any]]] = {
    group["name"]: group["rules"]
    for path in sorted((MONITORING / "prometheus/rules").glob("*.yml"))
    for group in read_yaml(f"prometheus/rules/{path.name}")["groups"]
}
RULES = [rule for rules in GROUPS.values() for rule in rules]
ALERTS = [rule for rule in RULES if "alert" in rule]


def panels_of(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the panels of a dashboard, without its row headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries_of(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in panels_of(dashboard) for target in panel["targets"]]
