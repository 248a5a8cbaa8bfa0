"""When a task that failed is executed again."""

from asyncio import CancelledError

from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.exceptions import JobAborted
from procrastinate.jobs import Job

INTERRUPTIONS = JobAborted, CancelledError  # of a stopped worker
MOST_ATTEMPTS = 5
FIRST_PAUSE, FACTOR = 60, 4  # seconds: then 4, 16 and 64 minutes


class ExpectedError(Exception):
    """A task has not succeeded, for a known reason: its text, a sentence for people."""


class BackOff(BaseRetryStrategy):
    """Up to MOST_ATTEMPTS attempts with growing pauses; after a worker's stop, again at once.

    Interruptions count as attempts: a task that makes its worker crash does not run for ever.
    """

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, INTERRUPTIONS):
            return RetryDecision(retry_in={"seconds": 0})
        if job.attempts + 1 >= MOST_ATTEMPTS:
            return None
        return RetryDecision(retry_in={"seconds": FIRST_PAUSE * FACTOR**job.attempts})
