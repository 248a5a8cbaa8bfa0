"""Periodic tasks: checks of sources, pruning and clean-up. Times are UTC."""

import logging
from datetime import timedelta

from django.utils import timezone
from procrastinate import JobContext
from procrastinate.exceptions import JobAborted

from library.access.sessions import SessionStore
from library.advisory_locks import LockHeldError
from library.changes import feed
from library.listens.folding import fold
from library.models import IdempotentAnswer, PendingImport, Report, RequestCount
from library.plays import pruning
from library.sources import rounds, uploads
from library.tasks.analyses import request_analyses
from library.tasks.queue import BACKFILL, MAINTENANCE, SOURCES, WEBHOOKS, periodic, task
from library.tasks.retries import ExpectedError

logger = logging.getLogger(__name__)

CHECKED_AGAIN_AFTER = 6 * 3600.0  # seconds
UPLOADS_KEPT = timedelta(hours=24)  # until its transaction is committed, an upload is unused
SHORTLY_KEPT_HOURS = 24  # of tasks that have succeeded, in queues with many
KEPT_HOURS = 7 * 24  # of tasks that have ended
FAILED_KEPT_HOURS = 30 * 24


@periodic("*/10 * * * *", SOURCES)
def check_sources(context: JobContext, timestamp: int) -> None:
    """Check new clips soon, and each clip again after six hours. Analyse audio that has changed."""
    try:
        source_round = rounds.check_due_sources(CHECKED_AGAIN_AFTER, context.should_abort)
    except LockHeldError as error:  # of the command
        logger.info("Sources are being checked by another process: %s", error)
        return
    request_analyses(source_round.changed)
    if source_round.stopped:
        raise JobAborted
    logger.info("%s", source_round.summary)


@task(SOURCES, lock="check_sources")  # waits for the periodic task, and for others of its kind
def check_sources_of(context: JobContext, clip_ids: list[int]) -> None:
    """Check the sources of clips, because an editor asked for it."""
    try:
        source_round = rounds.check_sources_of(clip_ids, context.should_abort)
    except LockHeldError as error:  # of the command
        raise ExpectedError(f"Sources are being checked by another process: {error}.") from error
    request_analyses(source_round.changed)
    if source_round.stopped:
        raise JobAborted


@periodic("17 3 * * *", MAINTENANCE)
def prune_play_events(context: JobContext, timestamp: int) -> None:
    """Drop old play events, and create the partitions of the coming months."""
    for _ in pruning.prune():
        pass


@periodic("27 3 * * *", MAINTENANCE)
def prune_changes(context: JobContext, timestamp: int) -> None:
    """Forget old changes of public clips."""
    feed.prune(timezone.now() - feed.KEPT)


@periodic("32 3 * * *", MAINTENANCE)
def prune_reports(context: JobContext, timestamp: int) -> None:
    """Delete the messages of reports of clips that were closed, and later the reports."""
    Report.objects.prune()


@periodic("37 3 * * *", MAINTENANCE)
def prune_uploads(context: JobContext, timestamp: int) -> None:
    """Delete uploaded files that belong to no clip."""
    for name in uploads.unused_uploads(timezone.now() - UPLOADS_KEPT):
        uploads.delete_if_unused(name)


@periodic("*/15 * * * *", MAINTENANCE)
def purge_requests(context: JobContext, timestamp: int) -> None:
    """Delete stored responses, counts for the rate limits, and imports not confirmed."""
    IdempotentAnswer.objects.expired().delete()
    RequestCount.objects.purge(timestamp // 60)
    PendingImport.objects.forget_old()


@periodic("7 * * * *", MAINTENANCE)
def fold_listens(context: JobContext, timestamp: int) -> None:
    """Add up the listens that began more than a day ago, and delete them."""
    fold()


@periodic("47 3 * * *", MAINTENANCE)
def clear_sessions(context: JobContext, timestamp: int) -> None:
    """Delete expired sessions of the back office."""
    SessionStore.clear_expired()


@periodic("57 3 * * *", MAINTENANCE)
async def remove_old_tasks(context: JobContext, timestamp: int) -> None:
    """Delete the records of tasks that have ended."""
    delete = context.app.job_manager.delete_old_jobs
    for queue in (BACKFILL, WEBHOOKS):
        await delete(nb_hours=SHORTLY_KEPT_HOURS, queue=queue)
    await delete(nb_hours=KEPT_HOURS, include_cancelled=True, include_aborted=True)
    await delete(nb_hours=FAILED_KEPT_HOURS, include_failed=True)
