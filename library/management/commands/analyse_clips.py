"""Analyse the audio of clips."""

import os
from argparse import ArgumentParser
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error
from django.db.models import F, Q
from tqdm import tqdm

from library.analyses.analysing import Kind, Result, reason
from library.analyses.due_clips import DueClip, due_clips
from library.analyses.rounds import PAUSE, AnalysisRound
from library.management.commands.check_sources import positive, seconds
from library.management.interruption import Interruption
from library.models import Clip, State
from library.models.clip import ClipQuerySet
from library.tasks.analyses import RESULTS, follow
from library.tasks.queue import BACKFILL

PORTION = 1000  # clips that are read at once
REPORTED = (Kind.NOT_DECODABLE, Kind.UNAVAILABLE, Kind.INTERRUPTED)


class Command(BaseCommand):
    """Backfills a library. The worker analyses new clips by itself.

    However it ends, the results so far are saved, and the next run continues from there.
    """

    help = (
        "Analyse the audio of clips that have no current analysis. Without --fetch, this decodes "
        "uploads and what the store holds. Ctrl-C pauses it: the next run continues. Audio that is "
        "unavailable or cannot be decoded is not an error; exits with 1 if the decoder fails."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add(
            "--fetch",
            action="store_true",
            help="Also download audio from origins into the store: one file at a time from each "
            "host.",
        )
        add("--clip", type=positive, action="append", help="Analyse this clip. May be repeated.")
        add("--again", action="store_true", help="Repeat current analyses, oldest first.")
        add("--failed", action="store_true", help="Only clips whose last analysis failed.")
        add("--limit", type=positive, metavar="N", help="Analyse at most N clips.")
        workers = os.cpu_count() or 1
        add("--workers", type=positive, default=workers, help="Clips at a time (%(default)s).")
        add(
            "--pause",
            type=seconds,
            default=PAUSE,
            help=f"Pause between downloads from a host ({PAUSE}s).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._options = options
        interruption = Interruption()
        with interruption.noted():
            try:
                self._run(interruption)
            except Error as error:
                raise CommandError(f"The database does not respond: {error}") from error

    def _run(self, interruption: Interruption) -> None:
        options = self._options
        # Only the ids, because the order changes while clips are analysed.
        chosen = array("q", self._chosen().values_list("pk", flat=True))
        analysis_round = AnalysisRound(
            lambda: bool(interruption),
            **{name: options[name] for name in ("fetch", "workers", "pause")},
            again=options["again"] or options["failed"],
        )
        quiet = None if options["verbosity"] else True  # None: show it only on a terminal
        self._not_stored = 0
        try:
            total = min(len(chosen), options["limit"] or len(chosen))
            with tqdm(desc="Analysing", total=total, unit="clip", disable=quiet) as bar:
                for clips in self._portions(chosen, bar):
                    for clip, result in analysis_round.results(clips):
                        bar.update()
                        if result.kind in RESULTS:
                            follow(clip.pk, BACKFILL)
                        self._report(clip, result)
                    if analysis_round.stopped:
                        break
        finally:
            if options["verbosity"]:
                paused = "Interrupted. " if interruption else ""
                self.stdout.write(paused + _summary(analysis_round, self._not_stored))

    def _portions(self, chosen: Sequence[int], bar: "tqdm[Any]") -> Iterator[list[DueClip]]:
        """Yield portions of the clips to analyse, up to the limit. Count the others."""
        left = self._options["limit"] or len(chosen)
        for start in range(0, len(chosen), PORTION):
            ids = chosen[start : start + PORTION]
            by_id = {clip.pk: clip for clip in due_clips(Clip.objects.filter(pk__in=ids))}
            clips = [by_id[pk] for pk in ids if pk in by_id]
            if not self._options["fetch"]:
                local = [clip for clip in clips if clip.is_local]
                self._not_stored += len(clips) - len(local)
                clips = local
            if not self._options["limit"]:
                bar.update(len(ids) - len(clips))
            yield clips[:left]
            left -= len(clips[:left])

    def _chosen(self) -> ClipQuerySet:
        """Return the clips that the options name."""
        options = self._options
        if numbers := set(options["clip"] or ()):
            for other in ("failed", "limit"):
                if options[other]:
                    raise CommandError(f"Use either --clip or --{other}.")
            clips = Clip.objects.not_deleted().filter(pk__in=numbers)
            if missing := numbers - set(clips.values_list("pk", flat=True)):
                ids = ", ".join(map(str, sorted(missing)))
                raise CommandError(f"Clips not found or deleted: {ids}")
            return clips.order_by("pk")
        if options["failed"]:
            failed = Q(analysis__failure__isnull=False) | Q(analysis__obstacle__isnull=False)
            clips = Clip.objects.not_deleted().exclude(state=State.WITHDRAWN).filter(failed)
            return clips.order_by("pk")
        if options["again"]:
            clips = Clip.objects.not_deleted().exclude(state=State.WITHDRAWN)
            return clips.order_by(F("analysis__analysed_at").asc(nulls_first=True), "pk")
        # The worker begins with the newest clips, so the two seldom meet.
        return Clip.objects.needing_analysis().order_by("pk")

    def _report(self, clip: DueClip, result: Result) -> None:
        """Print why there is no analysis. Raises CommandError if the decoder cannot be started."""
        if result.code == "decoder_unavailable":
            raise CommandError(
                "The decoder could not be started, so no audio can be analysed. Check that the "
                "packages av and numpy are installed and that processes can be started."
            )
        if self._options["verbosity"] and result.code and result.kind in REPORTED:
            with tqdm.external_write_mode():
                self.stdout.write(
                    f"clip {clip.pk} “{clip.title}” {result.kind}: {reason(result.code)}"
                )


def _summary(analysis_round: AnalysisRound, not_stored: int) -> str:
    counts = analysis_round.counts
    text = f"Analysed {counts[Kind.ANALYSED]}"
    others = (Kind.CURRENT, Kind.NOT_DECODABLE, Kind.UNAVAILABLE, Kind.INTERRUPTED, Kind.CHANGED)
    text += "".join(f", {counts[kind]} {kind}" for kind in others if counts[kind]) + "."
    if not_stored:
        text += f" {not_stored} are only at their origins: --fetch downloads them."
    if hosts := analysis_round.given_up:
        text += f" Not all clips were tried of: {', '.join(sorted(hosts))}."
    return text
