"""How a worker takes and ends jobs, and takes over those of workers that have died.

procrastinate lets any worker end any job. A worker that was frozen would end the job that another
one has started again in the meantime. Here a worker ends only what it still holds.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.utils import utcnow

from library.tasks.places import Places
from library.tasks.retries import INTERRUPTIONS, MOST_ATTEMPTS, BackOff, ExpectedError

logger = logging.getLogger(__name__)

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds between two tries to save a result
MESSAGE_LENGTH = 2_000  # characters of an error

_END = """
WITH ended AS (
    UPDATE procrastinate_jobs
    SET status = (CASE WHEN %(status)s = 'todo' AND abort_requested THEN 'aborted'
                  ELSE %(status)s END)::procrastinate_job_status,
        attempts = attempts + 1, scheduled_at = coalesce(%(retry_at)s, scheduled_at),
        abort_requested = false
    WHERE id = %(job_id)s AND worker_id = %(worker_id)s AND status = 'doing'
    RETURNING id
), noted AS (
    INSERT INTO library_taskerror (job_id, message, at)
    SELECT id, %(message)s, now() FROM ended WHERE %(message)s::text IS NOT NULL
    ON CONFLICT (job_id) DO UPDATE SET message = excluded.message, at = excluded.at
)
SELECT id FROM ended
"""
# A job is replaced by one that waits with the same queueing lock: only one of them may wait.
_TAKE_OVER = """
WITH stalled AS (
    SELECT id,
        CASE WHEN abort_requested OR EXISTS (
                SELECT FROM procrastinate_jobs waiting
                WHERE waiting.queueing_lock = job.queueing_lock AND waiting.status = 'todo'
            ) THEN 'aborted' WHEN attempts + 1 >= %(most_attempts)s THEN 'failed' ELSE 'todo'
        END AS next
    FROM procrastinate_jobs job
    WHERE status = 'doing' AND (worker_id IS NULL OR worker_id IN (
        SELECT id FROM procrastinate_workers
        WHERE last_heartbeat < now() - make_interval(secs => %(stalled_after)s)
    ))
    FOR UPDATE SKIP LOCKED
), ended AS (
    UPDATE procrastinate_jobs job
    SET status = stalled.next::procrastinate_job_status, attempts = attempts + 1,
        scheduled_at = CASE stalled.next WHEN 'todo' THEN now() ELSE scheduled_at END,
        worker_id = NULL, abort_requested = false
    FROM stalled WHERE stalled.id = job.id
    RETURNING job.id, task_name, stalled.next
), noted AS (
    INSERT INTO library_taskerror (job_id, message, at)
    SELECT id, 'Interrupted: the worker has died or was stopped.', now() FROM ended
    ON CONFLICT (job_id) DO UPDATE SET message = excluded.message, at = excluded.at
)
SELECT id, task_name, next FROM ended
"""


class UnknownTaskError(ExpectedError):
    """A job was put into the queue by another version of the service."""


class WorkerJobs(JobManager):
    """The jobs as one worker sees them. It takes those for which it has a place."""

    def __init__(self, connector: Any, places: Places) -> None:
        super().__init__(connector)
        self.errors: dict[int, BaseException] = {}  # by the id of the job that raised it
        self.on_free_place: Callable[[], None] = lambda: None  # for a job that waits
        self._places = places

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Take a job, if there is one and a place for it."""
        while True:
            full = self._places.full_queues()
            chosen = self._places.open_queues() if full else queues
            job = None if chosen == [] else await super().fetch_job(chosen, worker_id)
            if job is not None:
                self._places.take(job.id or 0, job.queue)
                return job
            if self._places.full_queues() == full:  # no place has become free meanwhile
                return None

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Save how the job has ended. If its task is unknown, leave it to a newer worker."""
        error = self._end_of(job)
        if status == Status.FAILED and error is None:
            error = UnknownTaskError(f"This version of the worker has no task {job.task_name}.")
            decision = BackOff().get_retry_decision(exception=error, job=job)
            if decision is not None:
                self.errors[job.id or 0] = error
                await self.retry_job(job, decision.retry_at)
                return
        if status == Status.FAILED:
            _log(logging.ERROR, f"Task {job.task_name} has failed for good", error)
        await self._end(job, status.value, error)
        if job.lock != job.queueing_lock:  # other tasks may wait for the same lock
            self.on_free_place()

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Let the job wait until `retry_at`. If another one waits already, this one has ended."""
        error = self._end_of(job)
        retry_at = retry_at or utcnow()
        failed = error is not None and not isinstance(error, INTERRUPTIONS)
        name, reason = f"Task {job.task_name}", error if failed else None
        try:
            await self._end(job, Status.TODO.value, error, retry_at)
        except UniqueViolation:  # of the queueing lock
            await self._end(job, (Status.FAILED if failed else Status.ABORTED).value, error)
            level = logging.ERROR if failed else logging.INFO
            _log(level, f"{name} is left to another that waits", reason)
        else:
            if failed:
                text = f"{name} has failed, next attempt at {retry_at:%H:%M:%S}"
                _log(logging.WARNING, text, reason)
            else:
                logger.warning("%s was interrupted and will run again", name)

    async def take_over(self, stalled_after: float) -> None:
        """Let the jobs of dead workers run again, unless they have been tried too often.

        A worker counts as dead so many seconds after its last sign of life.
        """
        rows = await self.connector.execute_query_all_async(
            _TAKE_OVER, stalled_after=stalled_after, most_attempts=MOST_ATTEMPTS
        )
        for row in rows:
            logger.warning(
                "The worker of task %s (%d) has died: it is %s now", row["task_name"], row["id"],
                "waiting again" if row["next"] == "todo" else row["next"],
            )  # fmt: skip

    def _end_of(self, job: Job) -> BaseException | None:
        """Free the job's place, and return the error with which it has ended."""
        if self._places.leave(job.id or 0):
            self.on_free_place()
        return self.errors.pop(job.id or 0, None)

    async def _end(
        self, job: Job, status: str, error: BaseException | None, retry_at: datetime | None = None
    ) -> None:
        """Save the result. If PostgreSQL does not respond, try for a while."""
        message = None if error is None else _message(error)
        for pause in (*PAUSES, None):
            try:
                rows = await self.connector.execute_query_all_async(
                    _END,
                    job_id=job.id,
                    worker_id=job.worker_id,
                    status=status,
                    message=message,
                    retry_at=retry_at,
                )
            except UniqueViolation:
                raise
            except ConnectorException:
                if pause is None:  # the job is taken over once this worker has registered again
                    raise
                await asyncio.sleep(pause)
            else:
                break
        if not rows:
            logger.warning(
                "Task %s was taken over by another worker; this result does not count",
                job.task_name,
            )


def _log(level: int, text: str, error: BaseException | None) -> None:
    """Log an error that was expected in one line, and others with their traceback."""
    if isinstance(error, ExpectedError):
        logger.log(level, "%s: %s", text, error)
    else:
        logger.log(level, "%s", text, exc_info=error)


def _message(error: BaseException) -> str:
    """Return an error in one short line: its text, after its name unless it was expected."""
    text = " ".join(str(error).split())
    if not isinstance(error, ExpectedError):
        name = type(error).__name__
        text = f"{name}: {text}" if text else name
    return text[:MESSAGE_LENGTH]
