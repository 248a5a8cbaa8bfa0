"""The tasks, their schedules and their locks. Times are UTC.

A task may be executed twice: its worker can be killed after the work and before the result is
saved, or be frozen for so long that another one starts again. So each task is idempotent.

`lock`: no two jobs with the same lock run at once. `queueing_lock`: no two of them wait.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.exceptions import JobAborted

from library.access.sessions import SessionStore
from library.advisory_locks import LockHeldError
from library.models import IdempotentAnswer, PendingImport, RequestCount
from library.plays import pruning
from library.sources import uploads
from library.sources.rounds import check_due_sources
from library.tasks.retries import BackOff

logger = logging.getLogger(__name__)

SOURCES, MAINTENANCE = "sources", "maintenance"  # queues
CHECKED_AGAIN_AFTER = 6 * 3600.0  # seconds
UPLOADS_KEPT = timedelta(hours=24)  # until its transaction is committed, an upload is unused
KEPT_HOURS = 7 * 24  # of tasks that have ended
FAILED_KEPT_HOURS = 30 * 24


def periodic(cron: str, queue: str) -> Callable[[Callable[..., Any]], Any]:
    """Declare a function as a task that runs at the times of the cron expression, one at a time."""

    def declare(function: Callable[..., Any]) -> Any:
        name = function.__name__
        task = app.task(
            name=name,
            queue=queue,
            lock=name,
            queueing_lock=name,
            retry=BackOff(),
            pass_context=True,
        )(function)
        return app.periodic(cron=cron)(task)

    return declare


@periodic("*/10 * * * *", SOURCES)
def check_sources(context: JobContext, timestamp: int) -> None:
    """Check new clips soon, and each clip again after six hours."""
    try:
        source_round = check_due_sources(CHECKED_AGAIN_AFTER, context.should_abort)
    except LockHeldError as error:  # of the command
        logger.info("Sources are being checked by another process: %s", error)
        return
    if source_round.stopped:
        raise JobAborted
    logger.info("%s", source_round.summary)


@periodic("17 3 * * *", MAINTENANCE)
def prune_play_events(context: JobContext, timestamp: int) -> None:
    """Drop old play events, and create the partitions of the coming months."""
    for _ in pruning.prune():
        pass


@periodic("37 3 * * *", MAINTENANCE)
def prune_uploads(context: JobContext, timestamp: int) -> None:
    """Delete uploaded files that belong to no clip."""
    for name in uploads.unused_uploads(timezone.now() - UPLOADS_KEPT):
        uploads.delete_if_unused(name)


@periodic("*/15 * * * *", MAINTENANCE)
def purge_requests(context: JobContext, timestamp: int) -> None:
    """Delete stored responses, counts for the rate limits, and imports that nobody confirmed."""
    IdempotentAnswer.objects.expired().delete()
    RequestCount.objects.purge(timestamp // 60)
    PendingImport.objects.forget_old()


@periodic("47 3 * * *", MAINTENANCE)
def clear_sessions(context: JobContext, timestamp: int) -> None:
    """Delete expired sessions of the back office."""
    SessionStore.clear_expired()


@periodic("57 3 * * *", MAINTENANCE)
async def remove_old_tasks(context: JobContext, timestamp: int) -> None:
    """Delete the records of tasks that have ended."""
    delete = context.app.job_manager.delete_old_jobs
    await delete(nb_hours=KEPT_HOURS, include_cancelled=True, include_aborted=True)
    await delete(nb_hours=FAILED_KEPT_HOURS, include_failed=True)
