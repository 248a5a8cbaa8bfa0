"""The files under monitoring/: Prometheus' configuration and rules, Grafana's dashboard."""

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from django.urls import URLPattern

from library.api.urls import urlpatterns
from library.models import Clip
from tests.origin import Origin, answer
from tests.prometheus import Prometheus
from tests.server import Server

MONITORING = Path(__file__).parent.parent / "monitoring"
README = (MONITORING / "README.md").read_text()
DASHBOARD = json.loads((MONITORING / "grafana/dashboards/clips.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
GROUPS = yaml.safe_load((MONITORING / "prometheus/rules.yml").read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = [rule for rule in RULES if "alert" in rule]
PROMISED = """API request rates, API Request Duration, Streaming Response Duration,
Total Streams (Cumulative), Total Streams Over Time, Requests in progress, Total API requests,
Top Streamed Clips"""
each_alert = pytest.mark.parametrize("alert", ALERTS, ids=[alert["alert"] for alert in ALERTS])
needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="Prometheus is not installed: `make system-tools`",
)


def read_yaml(name: str) -> Any:
    return yaml.safe_load((MONITORING / name).read_text())


@needs_prometheus
@pytest.mark.parametrize("command", ["check config prometheus.yml", "test rules rules_test.yml"])
def test_promtool_accepts(command: str) -> None:
    folder = MONITORING / "prometheus"
    done = subprocess.run(["promtool", *command.split()], cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


@each_alert
def test_alert_leads_to_its_section_of_the_runbook(alert: dict[str, Any]) -> None:
    annotations = alert["annotations"]
    assert annotations["runbook_url"] == f"monitoring/README.md#{alert['alert'].lower()}"
    assert alert["alert"] in re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    assert all(annotations[text] for text in ("summary", "description"))


@each_alert
def test_alert_is_tested_where_it_fires_and_where_it_does_not(alert: dict[str, Any]) -> None:
    cases = [
        bool(case["exp_alerts"])
        for test in read_yaml("prometheus/rules_test.yml")["tests"]
        for case in test["alert_rule_test"]
        if case["alertname"] == alert["alert"]
    ]
    assert set(cases) == {True, False}


def test_dashboard_has_the_promised_panels_and_cannot_be_edited() -> None:
    assert {panel["title"] for panel in PANELS} >= set(re.split(r",\s", PROMISED))
    assert (DASHBOARD["uid"], DASHBOARD["title"]) == ("clips", "Clips")
    assert DASHBOARD["editable"] is False


@pytest.mark.parametrize("name", ["job", "instance"])
def test_dashboard_selects_by(name: str) -> None:
    variable = VARIABLES[name]
    assert (variable["label"], variable["refresh"]) == (name.title(), 2)
    assert [variable[key] for key in ("multi", "includeAll", "allValue")] == [True, True, ".+"]
    assert variable["datasource"]["uid"] == "${datasource}"


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
def test_panel_says_what_it_shows_and_asks_the_chosen_source(panel: dict[str, Any]) -> None:
    assert panel["description"]
    assert panel["fieldConfig"]["defaults"]["unit"]
    asked = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
    assert {source["uid"] for source in asked} == {"${datasource}"}


def test_panels_have_ids_and_places_of_their_own() -> None:
    ids = Counter(panel["id"] for panel in DASHBOARD["panels"])
    cells = Counter(
        (column, line)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for column in range(place["x"], place["x"] + place["w"])
        for line in range(place["y"], place["y"] + place["h"])
    )
    assert {*ids.values(), *cells.values()} == {1}
    assert max(column for column, _ in cells) == 23


def test_rates_look_back_as_far_as_grafana_advises() -> None:
    for query in QUERIES:
        assert set(re.findall(r"\brate\([^\[]*\[(.*?)\]", query)) <= {"$__rate_interval"}
        assert set(re.findall(r"\[(.*?)\]", query)) <= {"$__rate_interval", "$__range"}


def test_queries_follow_the_chosen_jobs_and_instances() -> None:
    chosen = '{job=~"$job", instance=~"$instance"'
    for query in QUERIES:
        selectors = re.findall(r"\b(?:clips|django)_\w+(.*?})", query)
        assert selectors
        assert all(selector.startswith(chosen) for selector in selectors), query


def test_totals_that_every_replica_tells_alike_are_not_added_up() -> None:
    totals = [q for q in QUERIES if re.search("clips_(plays_recorded|top_streamed)_total", q)]
    assert totals
    assert all("max" in query and "sum" not in query for query in totals)


def test_every_view_of_the_api_is_on_the_dashboard() -> None:
    (views,) = {views for query in QUERIES for views in re.findall(r'view=~"(.+?)"', query)}
    names = [url.name for url in urlpatterns if isinstance(url, URLPattern)]
    assert [name for name in names if not re.fullmatch(views, f"{name}")] == []


def test_grafana_is_provisioned_with_what_the_dashboard_asks() -> None:
    (source,) = read_yaml("grafana/provisioning/datasources/prometheus.yml")["datasources"]
    (provider,) = read_yaml("grafana/provisioning/dashboards/clips.yml")["providers"]
    assert source["uid"] == VARIABLES["datasource"]["current"]["value"] == "prometheus"
    assert source["url"] == "http://prometheus:9090"
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
    interval = read_yaml("prometheus/prometheus.yml")["global"]["scrape_interval"]
    assert {source["jsonData"]["timeInterval"], *(p["interval"] for p in PANELS)} == {interval}


@pytest.fixture(scope="module")
def idle_prometheus(
    shared_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """One for all tests: it waits 5 seconds before it scrapes for the first time."""
    with Prometheus(tmp_path_factory.mktemp("prometheus"), shared_server) as prometheus:
        yield prometheus


@pytest.fixture
def prometheus(
    idle_prometheus: Prometheus,
    http: Callable[..., requests.Response],
    make_clip: Callable[..., Clip],
    origin: Origin,
    mp3: bytes,
) -> Prometheus:
    """It has scraped the service before, between and after two rounds of traffic."""
    uploaded = f"/{make_clip().pk}"
    fetched = f"/{make_clip(audio_url=origin.on('/a.mp3', answer(mp3))).pk}"
    gone = f"/{make_clip(audio_url=origin.url('/gone.mp3')).pk}"
    paths = ["", uploaded, f"{uploaded}/stats"]
    paths += [f"{clip}/stream" for clip in (uploaded, fetched, gone, "/999999")]
    idle_prometheus.await_scrape()
    for headers, audio in (({}, 200), ({"Range": "bytes=0-999"}, 206)):
        answers = [http("GET", f"/api/v1/clips{path}", headers=headers) for path in paths]
        assert [a.status_code for a in answers] == [200, 200, 200, audio, audio, 502, 404]
        idle_prometheus.await_scrape()
    return idle_prometheus


@needs_prometheus
def test_every_query_of_the_dashboard_finds_data(prometheus: Prometheus) -> None:
    chosen = {"$__rate_interval": "15s", "$__range": "60s", "$job": "clips", "$instance": ".+"}
    silent = []
    for query in QUERIES:
        for variable, value in chosen.items():
            query = query.replace(variable, value)
        if not prometheus.query(query):
            silent.append(query)
    assert silent == []


@needs_prometheus
def test_every_rule_finds_data(prometheus: Prometheus) -> None:
    for rule in RULES:
        for series in re.findall(r"(?<![:\w])(?:clips_|django_|up\b)\w*(?:{.*?})?", rule["expr"]):
            assert prometheus.query(series), f"{rule} reads {series}"
        if "record" in rule:
            prometheus.await_query(rule["record"])


def test_every_metric_of_ours_is_explained(http: Callable[..., requests.Response]) -> None:
    exposed = re.findall(r"^# TYPE (clips_\w+)", http("GET", "/metrics").text, re.MULTILINE)
    assert exposed
    assert [name for name in exposed if f"`{name}`" not in README] == []
