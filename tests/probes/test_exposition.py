"""What Prometheus is told of the database and the store, when they answer and when they do not."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone
from prometheus_client.registry import Collector

from harness.service import free_port
from harness.waiting import until
from library.models import Clip
from library.probes import database_metrics as exposition
from library.probes.background_probe import NoAnswerError, Question
from library.probes.database_metrics import Database, DatabaseMetrics
from library.probes.store_metrics import StoreMetrics
from tests.support.gate import Gate

UP, PLAYS, TOP = "clips_database_up", "clips_plays_recorded_total", "clips_top_streamed_total"
STORE = "clips_audio_store"


def told(collector: Collector) -> dict[str, float]:
    """The numbers by name."""
    return {
        sample.name: sample.value for metric in collector.collect() for sample in metric.samples
    }


@contextmanager
def locked() -> Iterator[None]:
    """Whoever reads clips waits."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE library_clip IN ACCESS EXCLUSIVE MODE")
        yield


@pytest.fixture
def gate(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """The way on which the database is asked from now on; it is shut."""
    gate, parameters = Gate(), exposition._parameters
    gate.parameters["connect_timeout"] = 600  # a test that waits for it fails
    monkeypatch.setattr(exposition, "_parameters", lambda: parameters() | gate.parameters)
    yield gate
    gate.open()  # so that nobody waits there for ever
    gate.close()


def test_only_the_first_scrape_waits_for_a_database_that_is_frozen(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    database = DatabaseMetrics()
    monkeypatch.setattr(exposition, "PATIENCE", 0.01)
    assert told(database.begin()) == {UP: 0}
    monkeypatch.setattr(exposition, "PATIENCE", 1000)
    for _ in range(5):
        scrapes = [database.begin() for _ in range(5)]
        assert [told(scrape) for scrape in scrapes] == [{UP: 0}] * 5
    assert caplog.text.count("no answer in time") == 1
    monkeypatch.setattr(exposition, "PATIENCE_WHILE_DOWN", 1000)
    gate.open()
    assert told(database.begin()) == {UP: 1, PLAYS: 0}


def test_database_that_is_slower_than_scrapes_wait_is_up_and_down_when_it_freezes(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exposition, "PATIENCE", 0)
    monkeypatch.setattr(exposition, "PATIENCE_WHILE_DOWN", 0)
    database = DatabaseMetrics()
    assert told(database.begin()) == {UP: 0}
    gate.open()
    until(lambda: database._database.totals is not None)
    gate.shut()
    at_once = [database.begin() for _ in range(3)]
    assert [told(scrape) for scrape in at_once] == [{UP: 1, PLAYS: 0}] * 3
    assert told(database.begin()) == {UP: 0}


def test_database_that_refuses_is_down_until_it_does_not(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exposition, "PATIENCE", 1000)
    monkeypatch.setattr(exposition, "PATIENCE_WHILE_DOWN", 1000)
    database = DatabaseMetrics()
    way = gate.parameters["port"]
    gate.parameters["port"] = free_port()
    assert [told(database.begin()) for _ in range(2)] == [{UP: 0}] * 2
    gate.parameters["port"] = way
    gate.open()
    assert told(database.begin())[UP] == 1


def test_database_that_is_slow_is_up_and_its_last_totals_are_told(
    make_clip: Callable[..., Clip],
) -> None:
    make_clip(play_count=3)
    database = DatabaseMetrics()
    until(lambda: told(database.begin()).get(PLAYS) == 3)
    make_clip(play_count=4, deleted_at=timezone.now())
    until(lambda: told(database.begin()).get(PLAYS) == 7)
    with locked():
        until(lambda: told(database.begin()) == {UP: 1, PLAYS: 7, TOP: 3})


def test_connection_on_which_nothing_comes_can_be_broken_off(transactional_db: None) -> None:
    database = Database()
    with locked(), ThreadPoolExecutor(1) as pool:
        asking = pool.submit(database.ask)
        until(lambda: database.has_connected(since=0))
        while not asking.done():
            database.break_off()
        with pytest.raises(psycopg.OperationalError):
            asking.result()


def test_question_that_is_not_answered_is_asked_once_and_then_for_all_who_wait() -> None:
    answer, asked = Event(), []

    def ask() -> int:
        asked.append(1)
        answer.wait()
        return len(asked)

    question = Question(ask, "a test")
    for _ in range(5):
        with pytest.raises(NoAnswerError):
            question.await_answer(question.begin(), 0.01)
    until(lambda: bool(asked))  # by its thread
    assert len(asked) == 1
    assert question.asked_for > 0
    late = question.begin()
    answer.set()
    assert question.await_answer(late, 20) == 2


def test_question_that_fails_tells_why_and_can_be_asked_again() -> None:
    failures = [OSError("gone")]

    def ask() -> str:
        while failures:
            raise failures.pop()
        return "here"

    question = Question(ask, "a test")
    with pytest.raises(NoAnswerError) as raised:
        question.await_answer(question.begin(), 20)
    assert isinstance(raised.value.__cause__, OSError)
    assert question.await_answer(question.begin(), 20) == "here"


def test_store_s_bodies_and_disk_are_told(tmp_path: Path, settings: Any) -> None:
    folder = tmp_path / "not" / "there"
    settings.AUDIO_STORE_DIR, settings.CLIPS_AUDIO_STORE_BYTES = folder, 1000
    store = StoreMetrics()
    until(lambda: told(store).get(f"{STORE}_bytes") == 0)
    folder.mkdir(parents=True)
    for name, size in (("a.1.audio", 10), ("b.2.part", 5), ("a.json", 700), ("b.claim", 0)):
        (folder / name).write_bytes(b"x" * size)
    until(lambda: told(store)[f"{STORE}_bytes"] == 15)
    shown = told(store)
    assert shown[f"{STORE}_limit_bytes"] == 1000
    assert 0 < shown[f"{STORE}_disk_free_bytes"] < shown[f"{STORE}_disk_bytes"]


def test_store_that_cannot_be_looked_at_is_told_of_once(
    tmp_path: Path, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.AUDIO_STORE_DIR = tmp_path / "a file"
    settings.AUDIO_STORE_DIR.touch()
    store = StoreMetrics()
    for _ in range(3):
        until(lambda: told(store) == {})
    assert caplog.text.count("Not a directory") == 1
    settings.AUDIO_STORE_DIR.unlink()
    until(lambda: told(store).get(f"{STORE}_bytes") == 0)
