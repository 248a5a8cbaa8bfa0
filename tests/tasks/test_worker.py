"""Workers that are killed, frozen, stopped or cut off from PostgreSQL: each task is done."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from harness.waiting import until
from library.models import Task
from tests.support.database import await_blocked_transaction
from tests.tasks import samples
from tests.tasks.conftest import Noted, WorkerProcess

StartWorker = Callable[..., WorkerProcess]


def attempts(outcome: str) -> int:
    """Return how many attempts of the task `note` have ended like this, as Prometheus shows it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attempts FROM library_tasktally WHERE task = 'note' AND outcome = %s", [outcome]
        )
        (number,) = cursor.fetchone()
    return int(number)


@contextmanager
def no_connections() -> Iterator[None]:
    """End all connections but that of the test, and refuse new ones, as a server that is down."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (own,) = cursor.fetchone()
    database = connection.settings_dict["NAME"]
    name = connection.ops.quote_name(database)
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = %s AND pid <> %s",
                [database, own],
            )
            yield
        finally:
            cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def test_task_of_a_killed_worker_runs_again_once(
    start_workers: Callable[..., list[WorkerProcess]], job: Noted
) -> None:
    workers = start_workers(3)
    until(lambda: len(job.processes("began")) == 1)
    (killed,) = [worker for worker in workers if worker.pid in job.processes("began")]
    killed.end(signal.SIGKILL)
    others = [worker for worker in workers if worker is not killed]
    until(lambda: len(job.processes("began")) == 2)
    job.let_finish()
    job.await_status("succeeded")
    assert len(job.processes("began")) == 2
    (process,) = job.processes("ended")
    assert process in [other.pid for other in others]
    assert job.row.attempts == 2
    assert (attempts("retried"), attempts("succeeded")) == (1, 1)
    assert sum(other.log.count("has died: it is waiting again") for other in others) == 1


@pytest.mark.proof
def test_frozen_worker_does_not_end_a_task_that_another_one_has_taken_over(
    start_worker: StartWorker, job: Noted
) -> None:
    first = start_worker()
    until(lambda: job.processes("began") == [first.pid])
    first.send(signal.SIGSTOP)
    second = start_worker()
    until(lambda: job.processes("began") == [first.pid, second.pid])
    second.send(signal.SIGSTOP)  # it has not finished when the first one does
    job.let_finish()
    first.send(signal.SIGCONT)
    until(lambda: "was taken over by another worker" in first.log)
    assert job.row.status == "doing"
    first.end(signal.SIGKILL)
    second.send(signal.SIGCONT)
    job.await_status("succeeded")
    assert attempts("succeeded") == 1


def test_stopped_worker_lets_its_task_finish(start_worker: StartWorker, job: Noted) -> None:
    worker = start_worker()
    until(lambda: len(job.processes("began")) == 1)
    worker.send(signal.SIGTERM)
    until(lambda: "Waiting up to 20 s for 1 task to finish" in worker.log)
    job.let_finish()
    assert worker.wait() == 0
    assert (job.row.status, job.row.attempts) == ("succeeded", 1)
    assert "Traceback" not in worker.log


@pytest.mark.proof
def test_task_that_does_not_finish_in_time_runs_again(
    start_worker: StartWorker, job: Noted
) -> None:
    first = start_worker(grace=0)
    until(lambda: job.processes("began") == [first.pid])
    assert first.end() == 0
    second = start_worker()
    until(lambda: job.processes("began") == [first.pid, second.pid])
    job.let_finish()
    job.await_status("succeeded")


@pytest.mark.proof
def test_worker_stops_although_postgresql_does_not_respond(start_worker: StartWorker) -> None:
    worker = start_worker(grace=0)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE procrastinate_workers IN ACCESS EXCLUSIVE MODE")
        await_blocked_transaction()  # the sign of life
        worker.send(signal.SIGTERM)
        worker.wait()


@pytest.mark.proof
def test_worker_continues_after_an_outage_of_postgresql(
    start_worker: StartWorker, job: Noted
) -> None:
    worker = start_worker(grace=0)  # the task is still running when it starts again
    until(lambda: len(job.processes("began")) == 1)
    with no_connections():
        until(lambda: "starts again when PostgreSQL responds" in worker.log)
        job.let_finish()
    until(lambda: "PostgreSQL responds again" in worker.log)
    job.await_status("succeeded")
    again = Noted(job._folder)
    again.await_status("succeeded")
    assert worker.log.count("starts again when") == 1
    assert worker.end() == 0


@pytest.mark.proof
def test_broken_connections_are_replaced(start_worker: StartWorker, job: Noted) -> None:
    worker = start_worker()
    until(lambda: len(job.processes("began")) == 1)
    with no_connections():
        pass
    job.let_finish()
    job.await_status("succeeded")
    Noted(job._folder).await_status("succeeded")
    assert worker.end() == 0


def test_error_of_a_failed_task_is_kept_in_one_line(start_worker: StartWorker) -> None:
    pk = samples.fail.defer()
    worker = start_worker()
    until(lambda: Task.objects.filter(pk=pk, last_error__isnull=False).exists())
    task = Task.objects.get(pk=pk)
    assert task.last_error.message == "ValueError: The file is broken"
    assert (task.status, task.attempts) == ("todo", 1)
    assert task.scheduled_at is not None
    until(lambda: "Task fail has failed, next attempt at" in worker.log)  # after the commit
    assert f'"task":"fail","task_id":{pk}' in worker.log
    assert "Traceback" in worker.log
