"""Metrics from the database: while it responds, is slow, refuses connections or is frozen."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone
from prometheus_client.registry import Collector

from harness.service import free_port
from harness.waiting import until
from library.models import AudioAnalysis, Clip
from library.probes import database_metrics
from library.probes.database_metrics import Database, DatabaseMetrics
from tests.probes import samples
from tests.support.audio_facts import FACTS
from tests.support.gate import Gate
from tests.support.recipes import make_clip

UP, PLAYS, TOP = "clips_database_up", "clips_plays_recorded_total", "clips_top_streamed_total"


def values(collector: Collector) -> dict[str, float]:
    """Return the values of all samples but those that have their own tests."""
    found = samples.values(collector)
    others = ("clips_task", "clips_audio_analyses", "clips_webhook", "clips_reports")
    return {name: value for name, value in found.items() if not name.startswith(others)}


@contextmanager
def locked() -> Iterator[None]:
    """Queries that read clips wait."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE library_clip IN ACCESS EXCLUSIVE MODE")
        yield


@pytest.fixture
def gate(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A closed gate, through which the metrics connect to the database."""
    gate = Gate()
    gate.parameters["connect_timeout"] = 600  # a test that waits for it fails
    gate.parameters["purpose"] = "metrics"
    monkeypatch.setattr(database_metrics, "CONNECTION", gate.parameters)
    yield gate
    gate.open()  # release the threads that wait there
    gate.close()


def test_only_the_first_scrape_waits_for_a_frozen_database(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    database = DatabaseMetrics()
    monkeypatch.setattr(database_metrics, "TIMEOUT", 0.01)
    assert values(database.begin_scrape()) == {UP: 0}
    monkeypatch.setattr(database_metrics, "TIMEOUT", 1000)
    for _ in range(5):
        scrapes = [database.begin_scrape() for _ in range(5)]
        assert [values(scrape) for scrape in scrapes] == [{UP: 0}] * 5
    assert caplog.text.count("no response in time") == 1
    monkeypatch.setattr(database_metrics, "TIMEOUT_WHILE_DOWN", 1000)
    gate.open()
    assert values(database.begin_scrape()) == {UP: 1, PLAYS: 0}


def test_database_slower_than_the_timeout_is_up_and_a_frozen_one_is_down(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_metrics, "TIMEOUT", 0)
    monkeypatch.setattr(database_metrics, "TIMEOUT_WHILE_DOWN", 0)
    database = DatabaseMetrics()
    assert values(database.begin_scrape()) == {UP: 0}
    gate.open()
    until(lambda: database._database.totals is not None)
    until(lambda: database._probe.running_for == 0)  # the connection is closed as well
    gate.shut()
    at_once = [database.begin_scrape() for _ in range(3)]
    assert [values(scrape) for scrape in at_once] == [{UP: 1, PLAYS: 0}] * 3
    assert values(database.begin_scrape()) == {UP: 0}


def test_database_that_refuses_connections_is_down(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_metrics, "TIMEOUT", 1000)
    monkeypatch.setattr(database_metrics, "TIMEOUT_WHILE_DOWN", 1000)
    database = DatabaseMetrics()
    port = gate.parameters["port"]
    gate.parameters["port"] = free_port()
    assert [values(database.begin_scrape()) for _ in range(2)] == [{UP: 0}] * 2
    gate.parameters["port"] = port
    gate.open()
    assert values(database.begin_scrape())[UP] == 1


def test_slow_database_is_up_and_reports_its_previous_totals(
    make_clip: Callable[..., Clip],
) -> None:
    make_clip(play_count=3)
    database = DatabaseMetrics()
    until(lambda: values(database.begin_scrape()).get(PLAYS) == 3)
    make_clip(play_count=4, deleted_at=timezone.now())
    until(lambda: values(database.begin_scrape()).get(PLAYS) == 7)
    with locked():
        until(lambda: values(database.begin_scrape()) == {UP: 1, PLAYS: 7, TOP: 3})


def test_stalled_connection_can_be_aborted(transactional_db: None) -> None:
    database = Database()
    with locked(), ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(database.fetch)
        until(lambda: database.has_connected(since=0))
        while not fetching.done():
            database.abort()
        with pytest.raises(psycopg.OperationalError):
            fetching.result()


def test_clips_are_counted_by_the_state_of_their_analysis(transactional_db: None) -> None:
    make_clip(audio=FACTS)
    make_clip(audio=FACTS, deleted_at=timezone.now())
    failed, other = make_clip(), make_clip()
    AudioAnalysis.objects.create(clip=failed, source=failed.source, failure="damaged")
    AudioAnalysis.objects.create(clip=other, source="before", failure="damaged")
    make_clip()
    states = {
        sample.labels["state"]: sample.value
        for metric in DatabaseMetrics().begin_scrape().collect()
        for sample in metric.samples
        if sample.name == "clips_audio_analyses"
    }
    assert states == {"done": 1, "failed": 1, "none": 2}
