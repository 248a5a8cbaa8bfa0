"""Check that clips' sources still serve their audio."""

import re
import signal
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error
from django.utils import timezone
from tqdm import tqdm

from library.advisory_locks import LockHeldError, advisory_lock
from library.sources.checking import CheckResult, NoOriginRespondsError, Pace
from library.sources.due_clips import DueClip, due_clips
from library.sources.rounds import LOCK, MOST_CLIPS, SourceRound

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds(text: str) -> float:
    """Parse a duration such as 90s, 15m, 24h or 7d."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if not found:
        raise ArgumentTypeError(f"{text} is not a duration such as 90s, 15m, 24h or 7d")
    return float(found[1]) * UNITS[found[2]]


def positive(text: str) -> int:
    """Parse a whole number above 0."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)


class Command(BaseCommand):
    """Checks once. The worker does the same every ten minutes.

    However it ends, the results so far are saved, and the next run continues from there.
    """

    help = (
        "Check that the sources of published clips and drafts still serve their audio, starting "
        "with those that were never checked or checked longest ago. Reads only enough of each "
        "source to recognise audio. Exits with 1 if no source could be checked; failing sources "
        "are not an error. The worker runs this check every ten minutes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add(
            "--older-than",
            type=seconds,
            default=0.0,
            metavar="24h",
            help="Skip sources checked within this time.",
        )
        most = MOST_CLIPS
        add("--limit", type=positive, default=most, metavar="N", help="Check at most N clips.")
        add("--clip", type=int, action="append", help="Check this clip. May be repeated.")
        add("--failing", action="store_true", help="Check only sources that failed the last check.")
        add("--whole", action="store_true", help="Fetch whole files, to find those that break off.")
        add("--workers", type=positive, default=8, help="Hosts to check in parallel (8).")
        add("--pause", type=seconds, default=0.5, help="Pause between requests to a host (0.5s).")
        add(
            "--again-after",
            type=seconds,
            default=10.0,
            metavar="10s",
            help="Wait before a failure is checked again. It counts if both checks fail (10s).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._options = options
        self._stopped_by = 0
        with self._signals():
            try:
                self._run()
            except Error as error:
                raise CommandError(f"The database does not respond: {error}") from error
        if self._stopped_by:
            raise SystemExit(128 + self._stopped_by)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Remember SIGINT or SIGTERM."""

        def stop(number: int, _: Any) -> None:
            self._stopped_by = number
            signal.signal(number, signal.SIG_DFL)  # a second signal ends at once

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _run(self) -> None:
        limit, failing = self._options["limit"], self._options["failing"]
        if requested := set(self._options["clip"] or ()):  # few, and the user is waiting
            clips = due_clips(limit=len(requested), clip_ids=sorted(requested))
            if missing := requested - {clip.pk for clip in clips}:
                ids = ", ".join(map(str, sorted(missing)))
                raise CommandError(f"Clips not found, deleted or withdrawn: {ids}")
            self._check(clips)
            return
        try:
            with advisory_lock(LOCK):
                not_since = timezone.now() - timedelta(seconds=self._options["older_than"])
                self._check(due_clips(limit=limit, not_since=not_since, failing=failing))
        except LockHeldError as error:
            raise CommandError(
                f"Another check_sources is running: {error}. Try again when it has finished."
            ) from None

    def _check(self, clips: list[DueClip]) -> None:
        source_round = SourceRound(
            lambda: bool(self._stopped_by),
            pace=Pace(*(self._options[name] for name in ("workers", "pause", "again_after"))),
            whole=self._options["whole"],
            suspect_network=not self._options["clip"],
        )
        quiet = None if self._options["verbosity"] else True  # None: show it only on a terminal
        try:
            with tqdm(desc="Checking", total=len(clips), unit="clip", disable=quiet) as bar:
                for result, change in source_round.results(clips):
                    bar.update()
                    if change or (result.report and result.report.warning):
                        self._report(result, change)
        except NoOriginRespondsError:
            if not self._stopped_by:
                raise CommandError(
                    "No origin responds, so no result was saved. Check this machine's network."
                ) from None
        finally:
            if self._options["verbosity"]:
                interrupted = "Interrupted. " if self._stopped_by else ""
                self.stdout.write(f"{interrupted}{source_round.summary}")

    def _report(self, result: CheckResult, change: str | None) -> None:
        """Print the change of a clip's health and its reason, or a warning about its audio."""
        if self._options["verbosity"] and result.report:
            reason = result.report.detail if result.report.code else result.report.warning
            text = ": ".join(part for part in (change, reason) if part)
            with tqdm.external_write_mode():
                self.stdout.write(f"clip {result.clip.pk} “{result.clip.title}” {text}")
