"""How jobs end and are taken over, without a worker."""

from collections.abc import Callable

import pytest
from asgiref.sync import async_to_sync
from procrastinate import RetryDecision
from procrastinate.contrib.django import app
from procrastinate.exceptions import JobAborted
from procrastinate.jobs import Job, Status

from library.models import Task
from library.tasks.jobs import WorkerJobs
from library.tasks.places import Places
from library.tasks.retries import MOST_ATTEMPTS, BackOff, ExpectedError
from tests.support.tasks import defer, execute


@pytest.fixture
def jobs(transactional_db: None) -> WorkerJobs:
    """The jobs as the worker 1 sees them."""
    execute("INSERT INTO procrastinate_workers OVERRIDING SYSTEM VALUE VALUES (1, now())")
    execute(
        "INSERT INTO procrastinate_workers OVERRIDING SYSTEM VALUE"
        " VALUES (2, now() - interval '1 min')"
    )
    return WorkerJobs(app.connector, Places(["audio", "sources"], 2))


@pytest.fixture
def begin(jobs: WorkerJobs) -> Callable[..., Job]:
    """Start a job in a worker, after some attempts."""

    def begin(worker: int | None = 1, attempts: int = 0, **options: str) -> Job:
        pk = defer("check", **options)
        execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s, attempts = %s"
            " WHERE id = %s",
            *(worker, attempts, pk),
        )
        job: Job = Task.objects.get(pk=pk).procrastinate_job.evolve(worker_id=worker)
        return job

    return begin


def state(job: Job) -> tuple[str, int]:
    task = Task.objects.get(pk=job.id or 0)
    return task.status, task.attempts


def error(job: Job) -> str:
    return str(Task.objects.get(pk=job.id or 0).last_error.message)


def take_over(jobs: WorkerJobs) -> None:
    async_to_sync(jobs.take_over)(30)


def test_jobs_of_dead_workers_wait_again(jobs: WorkerJobs, begin: Callable[..., Job]) -> None:
    dead, gone, alive = begin(worker=2), begin(worker=None), begin(worker=1)
    take_over(jobs)
    assert [state(job) for job in (dead, gone, alive)] == [("todo", 1), ("todo", 1), ("doing", 0)]
    assert error(dead) == "Interrupted: the worker has died or was stopped."


def test_job_that_has_killed_its_workers_fails_in_the_end(
    jobs: WorkerJobs, begin: Callable[..., Job]
) -> None:
    job = begin(worker=2, attempts=MOST_ATTEMPTS - 1)
    take_over(jobs)
    assert state(job) == ("failed", MOST_ATTEMPTS)


def test_interrupted_job_ends_if_another_one_waits_for_the_same(
    jobs: WorkerJobs, begin: Callable[..., Job]
) -> None:
    job = begin(worker=2, queueing_lock="one")
    defer("check", queueing_lock="one")
    take_over(jobs)
    assert state(job) == ("aborted", 1)


@pytest.mark.parametrize(("lock", "looks"), [("clip 1", ["succeeded"]), ("check {}", [])])
def test_worker_looks_for_tasks_that_waited_for_the_lock(
    jobs: WorkerJobs, begin: Callable[..., Job], lock: str, looks: list[str]
) -> None:
    job = begin(lock=lock, queueing_lock="check {}")
    ended: list[Job] = []
    jobs.on_free_place = lambda: ended.append(job)
    async_to_sync(jobs.finish_job)(job, Status.SUCCEEDED, delete_job=False)
    assert [state(job)[0] for job in ended] == looks


@pytest.mark.parametrize(
    ("raised", "status"), [(ValueError("broken"), "failed"), (JobAborted(), "aborted")]
)
def test_job_that_cannot_wait_again_ends(
    jobs: WorkerJobs, begin: Callable[..., Job], raised: Exception, status: str
) -> None:
    job = begin(queueing_lock="one")
    defer("check", queueing_lock="one")
    jobs.errors[job.id or 0] = raised
    async_to_sync(jobs.retry_job)(job)
    assert state(job) == (status, 1)


@pytest.mark.parametrize("attempts", [0, MOST_ATTEMPTS - 1])
def test_expected_error_is_one_sentence_without_a_traceback(
    jobs: WorkerJobs,
    begin: Callable[..., Job],
    caplog: pytest.LogCaptureFixture,
    attempts: int,
) -> None:
    job = begin(attempts=attempts)
    jobs.errors[job.id or 0] = ExpectedError("The decoder was stopped from outside.")
    if attempts:
        async_to_sync(jobs.finish_job)(job, Status.FAILED, delete_job=False)
    else:
        async_to_sync(jobs.retry_job)(job)
    assert error(job) == "The decoder was stopped from outside."
    (record,) = caplog.records
    assert record.getMessage().endswith(": The decoder was stopped from outside.")
    assert record.exc_info is None


def test_worker_ends_only_its_own_jobs(
    jobs: WorkerJobs, begin: Callable[..., Job], caplog: pytest.LogCaptureFixture
) -> None:
    job = begin(worker=1)
    taken = job.evolve(worker_id=2)
    async_to_sync(jobs.finish_job)(taken, Status.SUCCEEDED, delete_job=False)
    async_to_sync(jobs.retry_job)(taken)
    assert state(job) == ("doing", 0)
    assert caplog.text.count("was taken over by another worker") == 2
    async_to_sync(jobs.finish_job)(job, Status.SUCCEEDED, delete_job=False)
    assert state(job) == ("succeeded", 1)


def test_job_that_an_administrator_aborts_is_not_tried_again(
    jobs: WorkerJobs, begin: Callable[..., Job]
) -> None:
    job = begin()
    execute("UPDATE procrastinate_jobs SET abort_requested = true")
    async_to_sync(jobs.retry_job)(job)
    assert state(job) == ("aborted", 1)


@pytest.mark.parametrize(("attempts", "status"), [(0, "todo"), (MOST_ATTEMPTS - 1, "failed")])
def test_job_of_an_unknown_task_is_left_to_a_newer_worker(
    jobs: WorkerJobs, begin: Callable[..., Job], attempts: int, status: str
) -> None:
    job = begin(attempts=attempts)
    async_to_sync(jobs.finish_job)(job, Status.FAILED, delete_job=False)
    assert state(job) == (status, attempts + 1)
    assert error(job) == "This version of the worker has no task check."


def test_long_jobs_leave_a_place_for_others(jobs: WorkerJobs) -> None:
    woken: list[str] = []
    jobs.on_free_place = lambda: woken.append("look for jobs")

    def fetched() -> Job | None:
        return async_to_sync(jobs.fetch_job)(None, worker_id=1)

    def pk(job: Job | None) -> int | None:
        return job.id if job else None

    first, second = (defer("analyse", queue="backfill") for _ in range(2))
    long = fetched()
    assert long is not None
    assert (long.id, fetched()) == (first, None)
    soon = defer("analyse", queue="audio")
    assert (pk(fetched()), woken) == (soon, [])
    async_to_sync(jobs.finish_job)(long, Status.SUCCEEDED, delete_job=False)
    assert (pk(fetched()), woken) == (second, ["look for jobs"])


def decision(error: BaseException, attempts: int) -> RetryDecision | None:
    job = Job(queue="q", lock=None, queueing_lock=None, task_name="t", attempts=attempts)
    return BackOff().get_retry_decision(exception=error, job=job)


def test_attempts_are_limited_but_those_that_a_stop_interrupts_are_repeated() -> None:
    tried = [decision(ValueError(), attempts) is not None for attempts in range(6)]
    assert tried == [True] * 4 + [False] * 2
    assert decision(JobAborted(), 5) is not None


def test_pauses_grow() -> None:
    moments = [decision(ValueError(), attempts) for attempts in range(4)]
    times = [moment.retry_at for moment in moments if moment and moment.retry_at]
    assert times == sorted(times)
    assert 3600 < (times[3] - times[0]).total_seconds() < 2 * 3600
