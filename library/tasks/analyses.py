"""Tasks that analyse clips' audio: one soon, or all that need it."""

import logging
from collections.abc import Sequence
from functools import partial
from itertools import islice

from django.db import transaction
from procrastinate import JobContext
from procrastinate.exceptions import JobAborted

from library.analyses import analysing, duplicates
from library.analyses.analysing import Kind, Result
from library.analyses.due_clips import due_in_background
from library.analyses.rounds import AnalysisRound
from library.tasks.new_clips import FEW
from library.tasks.queue import AUDIO, BACKFILL, MAINTENANCE, defer, defer_many, periodic, task
from library.tasks.renditions import renew

logger = logging.getLogger(__name__)

MOST = 500  # clips of one task, so that others of its queue get their turn


class AnalysisInterruptedError(Exception):
    """The decoder was interrupted or could not be started, so that the task must run again."""


@task(AUDIO)
def analyse_clip(context: JobContext, clip_id: int, again: bool = False) -> None:
    """Analyse a clip whose audio is new or has changed, or `again`.

    Download it if it is not in the store. If it is unavailable, `analyse_due_clips` tries again.
    """
    result = analysing.analyse_clip(clip_id, fetch=True, again=again)
    if result.kind == Kind.INTERRUPTED:
        raise AnalysisInterruptedError(result.code)
    logger.info("Clip analysed: %s", result.kind, extra={"clip": clip_id, "code": result.code})
    follow(clip_id, result)


@task(BACKFILL)
def analyse_due_clips(context: JobContext) -> None:
    """Analyse clips that have no analysis, or whose audio was unavailable, in several tasks."""
    clips = [*islice(due_in_background(), MOST)]
    analysis_round = AnalysisRound(context.should_abort, fetch=True)
    for clip, result in analysis_round.results(clips):
        follow(clip.pk, result, BACKFILL)
    if analysis_round.stopped:
        raise JobAborted
    counts = analysis_round.counts
    if counts:
        logger.info("Clips analysed: %s", ", ".join(f"{n} {kind}" for kind, n in counts.items()))
    if len(clips) == MOST and counts.total():
        defer(analyse_due_clips)


@periodic("*/10 * * * *", MAINTENANCE)
def find_clips_to_analyse(context: JobContext, timestamp: int) -> None:
    """Start the analysis of clips that have none, such as samples, and try again if one failed."""
    if next(due_in_background(), None) is not None:
        defer(analyse_due_clips)


def follow(clip_id: int, result: Result, queue: str = AUDIO) -> None:
    """Do everything that depends on a clip's analysis, unless its audio was not available.

    Also for a current analysis, because a worker that was killed may have left the rest undone.
    """
    if result.kind in (Kind.ANALYSED, Kind.CURRENT, Kind.NOT_DECODABLE):
        renew([clip_id], queue)  # first, so that it does not depend on the search
        duplicates.find(clip_id)


def repeat_analyses(clip_ids: Sequence[int]) -> int:
    """Let workers analyse clips again, also those whose analysis is current. Return the number."""
    queue = AUDIO if len(clip_ids) <= FEW else BACKFILL
    arguments = [{"clip_id": clip_id, "again": True} for clip_id in clip_ids]
    defer_many(analyse_clip, arguments, queue=queue)
    return len(clip_ids)


def request_analyses(clip_ids: Sequence[int]) -> None:
    """Let workers analyse clips that get another source. Call it in that transaction."""
    analysing.forget_attempts(clip_ids)
    if len(clip_ids) <= FEW:
        defer_many(analyse_clip, [{"clip_id": clip_id} for clip_id in clip_ids])
    else:
        _find_soon()


def _find_soon() -> None:
    """Start `analyse_due_clips` after the transaction, so that no other one waits for this."""
    transaction.on_commit(partial(defer, analyse_due_clips), robust=True)
