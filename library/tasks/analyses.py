"""Tasks that analyse clips' audio: one soon, or all that need it."""

import logging
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from django.db import transaction
from procrastinate import JobContext
from procrastinate.exceptions import JobAborted

from library.analyses import analysing, duplicates
from library.analyses.analysing import Audio, Kind, Result, reason
from library.analyses.due_clips import (
    DueClip,
    due_clips,
    local_due_clips,
    new_due_clips,
    part_of_library,
)
from library.analyses.rounds import AnalysisRound
from library.models import Clip
from library.tasks.new_clips import FEW, LOCK
from library.tasks.queue import (
    AUDIO,
    BACKFILL,
    DOWNLOADS,
    MAINTENANCE,
    defer,
    defer_many,
    periodic,
    task,
)
from library.tasks.renditions import renew
from library.tasks.retries import ExpectedError

logger = logging.getLogger(__name__)

MOST = 500  # clips of one task, so that others of its queue get their turn
PERIOD = 600  # seconds between two searches for clips to analyse
RESULTS = (Kind.ANALYSED, Kind.NOT_DECODABLE)  # that are new


@task(AUDIO, lock=LOCK)
def analyse_clip(context: JobContext, clip_id: int, again: bool = False) -> None:
    """Analyse a clip whose audio is new or has changed, or `again`.

    If this machine does not have its audio, `download_clip` does. Origins may be slow.
    """
    queue = context.job.queue
    result = analysing.analyse_clip(clip_id, Audio.FRESH, again=again)
    if result.kind == Kind.NOT_STORED:
        arguments: Any = {"clip_id": clip_id} | ({"again": True} if again else {})
        defer(download_clip, queue=BACKFILL if queue == BACKFILL else DOWNLOADS, **arguments)
    else:
        _end(context, result, clip_id, queue)


@task(DOWNLOADS, lock=LOCK)
def download_clip(context: JobContext, clip_id: int, again: bool = False) -> None:
    """Download a clip's audio and analyse it.

    If it is unavailable, `find_clips_to_analyse` tries again.
    """
    queue = BACKFILL if context.job.queue == BACKFILL else AUDIO
    _end(context, analysing.analyse_clip(clip_id, Audio.FETCHED, again=again), clip_id, queue)


def _end(context: JobContext, result: Result, clip_id: int, queue: str) -> None:
    """Do what follows from the result. Raises ExpectedError if it must run again."""
    if result.kind == Kind.INTERRUPTED:
        raise ExpectedError(reason(result.code or ""))
    logger.info("Clip analysed: %s", result.kind, extra={"clip": clip_id, "code": result.code})
    # An earlier attempt that was killed may have left the rest undone.
    if result.kind in RESULTS or (result.kind == Kind.CURRENT and context.job.attempts):
        follow(clip_id, queue)


@task(BACKFILL)
def analyse_due_clips(context: JobContext) -> None:
    """Analyse new clips that have no analysis, or whose audio was unavailable, in several tasks."""
    analysis_round = AnalysisRound(context.should_abort, fetch=True)
    for clips in new_due_clips(MOST):
        _analyse(analysis_round, clips)
        if analysis_round.counts.total() >= MOST:
            if any(analysis_round.counts[kind] for kind in RESULTS):
                defer(analyse_due_clips)
            break
    _log(analysis_round)


@task(BACKFILL)
def analyse_stored_clips(context: JobContext, part: int) -> None:
    """Analyse the other clips of a part of the library whose audio is on this machine."""
    clips = local_due_clips(part)
    analysis_round = AnalysisRound(context.should_abort, fetch=False)
    _analyse(analysis_round, clips[:MOST])
    _log(analysis_round)
    if len(clips) > MOST:
        defer(analyse_stored_clips, part=part)


@periodic("*/10 * * * *", MAINTENANCE)
def find_clips_to_analyse(context: JobContext, timestamp: int) -> None:
    """Start the analysis of clips that have none, such as samples, and try again if one failed."""
    if next(new_due_clips(1), None):
        defer(analyse_due_clips)
    part = part_of_library(timestamp // PERIOD)
    if local_due_clips(part):
        defer(analyse_stored_clips, part=part)


def _analyse(analysis_round: AnalysisRound, clips: Sequence[DueClip]) -> None:
    """Analyse a portion of clips. Raises JobAborted if the round was stopped."""
    for _ in _results(analysis_round, clips):
        pass


def _results(analysis_round: AnalysisRound, clips: Sequence[DueClip]) -> Iterator[DueClip]:
    """Do the same, and yield each clip that was analysed."""
    for clip, result in analysis_round.results(clips):
        if result.kind in RESULTS:
            follow(clip.pk, BACKFILL)
        yield clip
    if analysis_round.stopped:
        raise JobAborted


def _log(analysis_round: AnalysisRound) -> None:
    if counts := analysis_round.counts:
        logger.info("Clips analysed: %s", ", ".join(f"{n} {kind}" for kind, n in counts.items()))


def follow(clip_id: int, queue: str) -> None:
    """Do everything that depends on a clip's analysis, after a new result."""
    renew([clip_id], queue)  # first, so that it does not depend on the search
    duplicates.find(clip_id)


@task(BACKFILL)
def repeat_analyses_of(context: JobContext, clip_ids: list[int]) -> None:
    """Analyse many clips again. If the worker is stopped, another task continues."""
    clips = due_clips(Clip.objects.not_deleted().filter(pk__in=clip_ids).order_by("pk"))
    analysis_round = AnalysisRound(context.should_abort, fetch=True, again=True)
    left = {clip.pk for clip in clips}
    try:
        for clip in _results(analysis_round, clips):
            left.discard(clip.pk)
    except JobAborted:
        defer(repeat_analyses_of, clip_ids=sorted(left))
    _log(analysis_round)


def repeat_analyses(clip_ids: Sequence[int]) -> int:
    """Let workers analyse clips again, also those whose analysis is current. Return the number."""
    if len(clip_ids) <= FEW:
        defer_many(analyse_clip, [{"clip_id": clip_id, "again": True} for clip_id in clip_ids])
    else:
        portions = [clip_ids[start : start + MOST] for start in range(0, len(clip_ids), MOST)]
        defer_many(repeat_analyses_of, [{"clip_ids": portion} for portion in portions])
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
