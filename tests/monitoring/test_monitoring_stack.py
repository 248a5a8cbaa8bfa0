"""A real Prometheus on the running service: what the dashboards and rules ask must be there."""

import re
import time
from collections.abc import Callable, Iterator

import pytest
import requests

from harness.origin import Origin, answer
from harness.prometheus import Prometheus
from harness.service import Server
from library.models import Clip
from tests.monitoring.files import (
    DASHBOARDS,
    README,
    RULES,
    RUNBOOK,
    needs_prometheus,
    queries_of,
)

# The firing alerts are asked for with the rest: Watchdog always does.
SERIES = r"(?<![:\w])(?:clips_|django_|up\b)\w*(?:{.*?})?"
SUBSTITUTES = {"$__rate_interval": "15s", "$__range": "60s", "$job": "clips", "$instance": ".+"}


@pytest.fixture(scope="module")
def idle_prometheus(
    shared_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """One for all tests: it waits 5 seconds before it scrapes for the first time."""
    folder = tmp_path_factory.mktemp("prometheus")
    with Prometheus(folder, shared_server.scrape_targets) as prometheus:
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
def test_every_query_of_dashboards_and_rules_finds_data(prometheus: Prometheus) -> None:
    """Within a minute, as a chart looks back; those of long windows take some evaluations."""
    silent = [query for dashboard in DASHBOARDS for query in queries_of(dashboard)]
    for variable, value in SUBSTITUTES.items():
        silent = [query.replace(variable, value) for query in silent]
    silent += [rule["record"] for rule in RULES if "record" in rule]
    # `absent` asks for what is not there, so of alerts each series by itself.
    silent += [series for rule in RULES for series in re.findall(SERIES, rule["expr"])]

    def all_found() -> bool:
        now = time.time()
        silent[:] = [q for q in silent if not prometheus.range(q, now - 60, now, 1)]
        return not silent

    prometheus.wait(all_found, silent)


@needs_prometheus
def test_an_alert_leads_to_the_runbook_which_tells_what_fires(
    idle_prometheus: Prometheus,
) -> None:
    def links() -> list[str]:
        alerts = idle_prometheus.get("/api/v1/alerts").json()["data"]["alerts"]
        return [
            alert["annotations"]["runbook_url"]
            for alert in alerts
            if alert["labels"]["alertname"] == "Watchdog"
        ]

    idle_prometheus.wait(links, "fire the watchdog")
    assert links() == [f"{idle_prometheus.url}/consoles/runbook.html#watchdog"]
    page = idle_prometheus.get("/consoles/runbook.html").text
    assert '<h2 id="watchdog">' in page
    # Before it has scraped for the first time ClipsDown may fire, in its hurry.
    assert "No alert fires." in page or '<a href="#clipsdown">ClipsDown</a> fires' in page


def test_every_metric_of_ours_is_explained(http: Callable[..., requests.Response]) -> None:
    exposed = re.findall(r"^# TYPE (clips_\w+)", http("GET", "/metrics").text, re.MULTILINE)
    assert exposed
    assert [name for name in exposed if f"`{name}`" not in README] == []


def test_runbook_has_an_answer_to_every_refusal_of_ours(
    http: Callable[..., requests.Response],
) -> None:
    series = r'^clips_streams_refused_total{code="(?!origin_)(\w+)"}'
    codes = re.findall(series, http("GET", "/metrics").text, re.MULTILINE)
    section = RUNBOOK.split("\n## StreamErrors\n")[1].split("\n## ")[0]
    assert codes
    assert [code for code in codes if f"`{code}`" not in section] == []
