"""Metrics of tasks, from the tables of the queue: all workers together, in whichever process.

Tallies count each attempt in the transaction that ends it (migration 0016), so they are exact and
survive restarts of workers. `library.probes.database_metrics` runs the queries.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import psycopg
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

ALIVE = 30  # seconds: a worker with an older sign of life counts as dead
# The age counts from the time at which a task could have started, and not while another one with
# the same lock runs or waits for its next attempt.
QUEUE = """
WITH job AS (
    SELECT id, queue_name, task_name, status, scheduled_at, status = 'todo' AND NOT EXISTS (
        SELECT FROM procrastinate_jobs running
        WHERE running.lock = waiting.lock AND running.status = 'doing'
    ) AND (lock IS NULL OR lock NOT IN (
        SELECT later.lock FROM procrastinate_jobs later
        WHERE later.status = 'todo' AND later.scheduled_at > now()
            AND later.lock <> later.queueing_lock
    )) AS could_start
    FROM procrastinate_jobs waiting WHERE status IN ('todo', 'doing')
), oldest AS (
    SELECT queue_name, task_name,
        count(*) FILTER (WHERE status = 'todo') AS waiting,
        count(*) FILTER (WHERE status = 'doing') AS running,
        min(id) FILTER (WHERE could_start AND scheduled_at IS NULL) AS first_id,
        min(scheduled_at) FILTER (WHERE could_start) AS first_scheduled
    FROM job GROUP BY queue_name, task_name
)
SELECT queue_name, task_name, waiting, running, greatest(0, extract(epoch FROM now() - least(
    first_scheduled,
    (SELECT min(at) FROM procrastinate_events WHERE job_id = first_id AND type = 'deferred')
)))::float FROM oldest
"""
TALLIES = """
SELECT task, outcome, seconds, intervals FROM library_tasktally ORDER BY task, outcome
"""
FAILED = """
SELECT task_name, count(*) FROM procrastinate_jobs WHERE status = 'failed' GROUP BY task_name
"""
WORKERS = """
SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %s)
"""


@dataclass(frozen=True)
class TaskNumbers:
    """The state of the queue."""

    queue: list[tuple[str, str, int, int, float | None]]  # queue, task, waiting, running, age
    tallies: list[tuple[str, str, float, list[int]]]  # task, outcome, seconds, intervals
    failed: dict[str, int]  # by task
    bounds: list[float]  # seconds, of the intervals
    workers: int


def read_tasks(connected: psycopg.Connection[Any]) -> TaskNumbers:
    """Return the current numbers."""
    (bounds,) = connected.execute("SELECT library_task_bounds()").fetchone() or ([],)
    (workers,) = connected.execute(WORKERS, [ALIVE]).fetchone() or (0,)
    return TaskNumbers(
        queue=connected.execute(QUEUE).fetchall(),
        tallies=connected.execute(TALLIES).fetchall(),
        failed=dict(connected.execute(FAILED).fetchall()),
        bounds=bounds,
        workers=workers,
    )


def task_metrics(numbers: TaskNumbers) -> Iterator[Metric]:
    """Yield the metrics of tasks."""
    yield GaugeMetricFamily("clips_task_workers", "Workers that are alive.", value=numbers.workers)
    labels = ["queue", "task"]
    waiting = GaugeMetricFamily("clips_tasks_waiting", "Tasks that wait.", labels=labels)
    running = GaugeMetricFamily("clips_tasks_running", "Tasks that run.", labels=labels)
    oldest = GaugeMetricFamily(
        "clips_tasks_oldest_waiting_seconds",
        "How long the oldest task has waited since it could have started.",
        labels=labels,
    )
    for queue, task, number_waiting, number_running, age in numbers.queue:
        waiting.add_metric([queue, task], number_waiting)
        running.add_metric([queue, task], number_running)
        oldest.add_metric([queue, task], age or 0.0)
    failed = GaugeMetricFamily(
        "clips_tasks_failed", "Tasks that have failed and were not tried again.", labels=["task"]
    )
    durations = HistogramMetricFamily(
        "clips_task_duration_seconds",
        "Attempts of tasks, by how they ended.",
        labels=["task", "outcome"],
    )
    kept = defaultdict(int, numbers.failed)
    for task in dict.fromkeys(task for task, *_ in numbers.tallies):
        failed.add_metric([task], kept[task])
    bounds = [*map(floatToGoString, numbers.bounds), "+Inf"]
    for task, outcome, seconds, intervals in numbers.tallies:
        buckets = list(zip(bounds, accumulate(intervals), strict=True))
        durations.add_metric([task, outcome], buckets, seconds)
    yield from (waiting, running, oldest, failed, durations)
