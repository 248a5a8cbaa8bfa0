"""Metrics of tasks, from the tables of the queue."""

from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from library.probes.task_metrics import TaskNumbers, read_tasks, task_metrics
from tests.support.tasks import defer, end, execute

pytestmark = pytest.mark.django_db


def read() -> TaskNumbers:
    connection.ensure_connection()
    with connection.wrap_database_errors:
        server = connection.connection
        assert isinstance(server, psycopg.Connection)
        return read_tasks(server)


def samples() -> dict[str, float]:
    """Return the values by name and labels."""
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for metric in task_metrics(read())
        for sample in metric.samples
    }


def test_waiting_and_running_tasks_are_counted_by_queue_and_task() -> None:
    defer("check")
    execute("UPDATE procrastinate_jobs SET status = 'doing'")
    for _ in range(2):
        defer("check")
    defer("prune", queue="maintenance")
    found = samples()
    assert found["clips_tasks_waiting sources check"] == 2
    assert found["clips_tasks_running sources check"] == 1
    assert found["clips_tasks_waiting maintenance prune"] == 1


def test_age_counts_from_the_time_at_which_a_task_could_start() -> None:
    now = timezone.now()
    old, due = defer("check"), defer("due", schedule_at=now - timedelta(seconds=50))
    later = defer("later", schedule_at=now + timedelta(hours=1))
    execute(
        "UPDATE procrastinate_events SET at = at - interval '500 s' WHERE job_id IN (%s, %s, %s)",
        *(old, due, later),
    )
    found = samples()
    age = "clips_tasks_oldest_waiting_seconds sources"
    assert found[f"{age} check"] == pytest.approx(500, abs=5)
    assert found[f"{age} due"] == pytest.approx(50, abs=5)
    assert found[f"{age} later"] == 0


def test_age_does_not_count_while_the_same_task_runs() -> None:
    running = defer("check", lock="check")
    execute("UPDATE procrastinate_jobs SET status = 'doing'")
    defer("check", lock="check")
    execute("UPDATE procrastinate_events SET at = at - interval '500 s'")
    age = "clips_tasks_oldest_waiting_seconds sources check"
    assert samples()[age] == 0
    end(running, "succeeded", 1)
    assert samples()[age] == pytest.approx(500, abs=5)


def test_attempts_are_counted_by_how_they_ended() -> None:
    end(defer("check"), "succeeded", 0.2)
    end(defer("check"), "succeeded", 7200)
    retried = defer("check")
    end(retried, "todo", 2)
    end(retried, "failed", 10)
    found = samples()
    name = "clips_task_duration_seconds"
    assert found[f"{name}_count check succeeded"] == 2
    assert found[f"{name}_sum check succeeded"] == pytest.approx(7200.2, abs=1)
    assert found[f"{name}_bucket check succeeded 0.1"] == 0
    assert found[f"{name}_bucket check succeeded 0.5"] == 1
    assert found[f"{name}_bucket check succeeded 3600.0"] == 1
    assert found[f"{name}_bucket check succeeded +Inf"] == 2
    assert found[f"{name}_count check retried"] == 1
    assert found[f"{name}_count check failed"] == 1
    assert found[f"{name}_count check aborted"] == 0
    assert found["clips_tasks_failed check"] == 1


def test_removed_tasks_stay_counted() -> None:
    end(defer("check"), "succeeded", 1)
    execute("DELETE FROM procrastinate_jobs")
    assert samples()["clips_task_duration_seconds_count check succeeded"] == 1


def test_only_workers_with_a_recent_sign_of_life_are_alive() -> None:
    execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
    execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '31 s')")
    assert samples()["clips_task_workers"] == 1
