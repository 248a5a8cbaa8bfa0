"""Prometheus' rules and alerts, the runbook, and Alertmanager's configuration."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.monitoring.files import (
    ALERTS,
    GROUPS,
    MONITORING,
    RUNBOOK,
    needs_alertmanager,
    needs_prometheus,
    read_yaml,
)

PROMETHEUS = MONITORING / "prometheus"
PAGE = (PROMETHEUS / "consoles/runbook.html").read_text()
ALERTMANAGER = MONITORING / "alertmanager/alertmanager.yml"
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
WINDOWS = [name.removeprefix("clips-slo-") for name in GROUPS if name.startswith("clips-slo-")]


def label(alert: dict[str, Any]) -> str:
    return " ".join([alert["alert"], *alert["labels"].values()])


each_alert = pytest.mark.parametrize("alert", ALERTS, ids=[label(alert) for alert in ALERTS])


def run(*command: str | Path, folder: Path = PROMETHEUS) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_prometheus
def test_promtool_accepts_the_configuration_and_its_rules() -> None:
    run("promtool", "check", "config", "--lint=all", "--lint-fatal", "prometheus.yml")


@needs_prometheus
@pytest.mark.parametrize("tests", [pytest.param(path, id=path.stem) for path in TESTS])
def test_rules_pass_their_promtool_tests(tests: Path) -> None:
    run("promtool", "test", "rules", tests)


@each_alert
def test_alert_has_promtool_tests_that_it_fires_and_that_it_does_not(alert: dict[str, Any]) -> None:
    cases = [
        case
        for path in TESTS
        for test in read_yaml(f"prometheus/tests/{path.name}")["tests"]
        for case in test.get("alert_rule_test", [])
        if case["alertname"] == alert["alert"]
    ]
    fired = [expected["exp_labels"] for case in cases for expected in case["exp_alerts"]]
    assert any(alert["labels"].items() <= labels.items() for labels in fired)
    assert any(not case["exp_alerts"] for case in cases)


@each_alert
def test_alert_links_to_its_section_of_the_runbook(alert: dict[str, Any]) -> None:
    annotations, anchor = alert["annotations"], alert["alert"].lower()
    assert annotations["runbook_url"] == f"{{{{ $externalURL }}}}/consoles/runbook.html#{anchor}"
    assert f'<h2 id="{anchor}">' in PAGE
    assert all(annotations[text] for text in ("summary", "description"))


@each_alert
def test_runbook_section_has_meaning_diagnosis_and_steps(
    alert: dict[str, Any],
) -> None:
    section = RUNBOOK.split(f"\n## {alert['alert']}\n")[1].split("\n## ")[0]
    assert "**Means:**" in section
    assert "**See:**" in section or alert["alert"] == "Watchdog"
    assert len(re.findall(r"^\d\. ", section, re.MULTILINE)) >= 3


def test_log_messages_that_the_runbook_searches_for_exist() -> None:
    messages = [" ".join(found.split()) for found in re.findall(r'grep "([^"]+)"', RUNBOOK)]
    source = "".join(path.read_text() for path in MONITORING.parent.glob("library/**/*.py"))
    assert messages
    assert [message for message in messages if message not in source] == []


def test_runbook_has_no_section_without_an_alert() -> None:
    titles = re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)
    assert set(titles) == {alert["alert"] for alert in ALERTS}


@pytest.mark.parametrize("window", [window for window in WINDOWS if window != "30d"])
def test_every_window_records_the_same_rules(window: str) -> None:
    shortest = [(rule["record"], rule["expr"]) for rule in GROUPS["clips-slo-5m"]]
    recorded = [(rule["record"], rule["expr"]) for rule in GROUPS[f"clips-slo-{window}"]]
    assert recorded == [
        (name.replace("increase5m", f"increase{window}"), _of(window, query))
        for name, query in shortest
    ]


def _of(window: str, query: str) -> str:
    return query.replace("[5m]", f"[{window}]").replace("increase5m", f"increase{window}")


@needs_alertmanager
@pytest.mark.parametrize("receivers", ["empty", "filled in"])
def test_amtool_accepts_the_configuration(receivers: str, tmp_path: Path) -> None:
    text = ALERTMANAGER.read_text()
    filled_in = re.sub(r"(?m)^    # (webhook_configs|  )", r"    \1", text)
    assert filled_in.count("webhook_configs") == text.count("# webhook_configs") == 3
    path = tmp_path / "alertmanager.yml"
    path.write_text(text if receivers == "empty" else filled_in)
    run("amtool", "check-config", path)


@needs_alertmanager
@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["alertname=ClipsDown", "severity=critical"], "page"),
        (["alertname=StreamErrors", "severity=warning"], "morning"),
        (["alertname=Watchdog", "severity=none"], "watchdog"),
    ],
)
def test_alert_is_routed_to_its_receiver(labels: list[str], receiver: str) -> None:
    route = run("amtool", "config", "routes", "test", "--config.file", ALERTMANAGER, *labels)
    assert route.split() == [receiver]


def test_inhibition_names_only_existing_alerts_and_never_the_watchdog() -> None:
    rules = read_yaml("alertmanager/alertmanager.yml")["inhibit_rules"]
    named = {
        name
        for rule in rules
        for matcher in (*rule["source_matchers"], *rule["target_matchers"])
        if matcher.startswith("alertname")
        for name in matcher.split('"')[1].split("|")
    }
    assert named <= {alert["alert"] for alert in ALERTS} - {"Watchdog"}
    assert all("job" in rule["equal"] for rule in rules)


def test_prometheus_sends_alerts_to_the_alertmanager_of_the_compose_file() -> None:
    (manager,) = read_yaml("prometheus/prometheus.yml")["alerting"]["alertmanagers"]
    assert manager == {"static_configs": [{"targets": ["alertmanager:9093"]}]}
