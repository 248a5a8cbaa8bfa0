"""A real Prometheus on the running service: dashboards and rules must find their metrics."""

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
from tests.support.tasks import defer, end

SERIES = r"(?<![:\w])(?:clips_|django_|up\b)\w*(?:{.*?})?"
SUBSTITUTES = {"$__rate_interval": "15s", "$__range": "60s", "$job": "clips", "$instance": ".+"}


@pytest.fixture(scope="module")
def idle_prometheus(
    shared_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """Prometheus for all tests, since it takes 5 seconds until its first scrape."""
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
    """Prometheus after three scrapes: before, between and after two rounds of traffic."""
    uploaded = f"/{make_clip().pk}"
    fetched = f"/{make_clip(audio_url=origin.on('/a.mp3', answer(mp3))).pk}"
    gone = f"/{make_clip(audio_url=origin.url('/gone.mp3')).pk}"
    paths = ["", uploaded, f"{uploaded}/stats"]
    paths += [f"{clip}/stream" for clip in (uploaded, fetched, gone, "/999999")]
    defer("check_sources")
    end(defer("prune_uploads"), "succeeded", 1)
    idle_prometheus.await_scrape()
    for headers, audio in (({}, 200), ({"Range": "bytes=0-999"}, 206)):
        answers = [http("GET", f"/api/v1/clips{path}", headers=headers) for path in paths]
        assert [a.status_code for a in answers] == [200, 200, 200, audio, audio, 502, 404]
        end(defer("prune_uploads"), "succeeded", 1)
        idle_prometheus.await_scrape()
    return idle_prometheus


@needs_prometheus
def test_every_query_of_dashboards_and_rules_finds_data(prometheus: Prometheus) -> None:
    """Look back a minute, as a chart does; rules of long windows need several evaluations."""
    missing = [query for dashboard in DASHBOARDS for query in queries_of(dashboard)]
    for variable, value in SUBSTITUTES.items():
        missing = [query.replace(variable, value) for query in missing]
    missing += [rule["record"] for rule in RULES if "record" in rule]
    # `absent` finds nothing while the series exists, so alerts are searched for their series.
    missing += [series for rule in RULES for series in re.findall(SERIES, rule["expr"])]

    def all_found() -> bool:
        now = time.time()
        missing[:] = [q for q in missing if not prometheus.range(q, now - 60, now, 1)]
        return not missing

    prometheus.wait(all_found, missing)


@needs_prometheus
def test_alert_links_to_the_runbook_which_lists_firing_alerts(
    idle_prometheus: Prometheus,
) -> None:
    def links() -> list[str]:
        alerts = idle_prometheus.get("/api/v1/alerts").json()["data"]["alerts"]
        return [
            alert["annotations"]["runbook_url"]
            for alert in alerts
            if alert["labels"]["alertname"] == "Watchdog"
        ]

    idle_prometheus.wait(links, "Watchdog fires")
    assert links() == [f"{idle_prometheus.url}/consoles/runbook.html#watchdog"]
    page = idle_prometheus.get("/consoles/runbook.html").text
    assert '<h2 id="watchdog">' in page
    # ClipsDown may fire before the first scrape, since its minute lasts a second. The tests run no
    # worker.
    firing = set(re.findall(r'<a href="#\w+">(\w+)</a> fires', page))
    assert firing <= {"ClipsDown", "NoWorker"}
    assert firing or "No alert fires." in page


def test_readme_documents_every_metric_of_the_service(
    http: Callable[..., requests.Response],
) -> None:
    exposed = re.findall(r"^# TYPE (clips_\w+)", http("GET", "/metrics").text, re.MULTILINE)
    assert exposed
    assert [name for name in exposed if f"`{name}`" not in README] == []


def test_runbook_covers_every_refusal_code_that_is_not_an_origins(
    http: Callable[..., requests.Response],
) -> None:
    series = r'^clips_streams_refused_total{code="(?!origin_)(\w+)"}'
    codes = re.findall(series, http("GET", "/metrics").text, re.MULTILINE)
    section = RUNBOOK.split("\n## StreamErrors\n")[1].split("\n## ")[0]
    assert codes
    assert [code for code in codes if f"`{code}`" not in section] == []
