"""Check that clips' sources still serve their audio."""

import re
import signal
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connection
from django.utils import timezone
from tqdm import tqdm

from library.advisory_locks import LockHeldError, advisory_lock
from library.sources.checking import (
    CheckResult,
    CheckSummary,
    NoOriginRespondsError,
    Pace,
    SourceChecker,
    plausible_results,
    save_result,
)
from library.sources.due_clips import DueClip, due_clips
from library.sources.opening import SourceReport, inspect_source, inspect_upload

LOCK = 0x436865636B  # "Check"; the key of an advisory lock that nothing else uses
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
ALIVE_SECONDS = 15  # how often --alive-file is touched


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
    """Runs once, for cron, or repeatedly with `--every`, as a service.

    However it ends, the results so far are saved, and the next run continues from there.
    """

    help = (
        "Check that the sources of published clips and drafts still serve their audio, starting "
        "with those that were never checked or checked longest ago. Reads only enough of each "
        "source to recognise audio. Exits with 1 if no source could be checked; failing sources "
        "are not an error."
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
        add("--limit", type=positive, default=100_000, metavar="N", help="Check at most N clips.")
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
        add(
            "--every",
            type=seconds,
            metavar="10m",
            help="Run forever, with this pause between rounds.",
        )
        add("--alive-file", type=Path, help="Touch this file every 15 s, for a health check.")

    def handle(self, *args: Any, **options: Any) -> None:
        self._options = options
        self._results: SimpleQueue[CheckResult | None] = SimpleQueue()
        self._stopped_by = 0
        with self._signals():
            if options["every"] is not None:
                self._rounds(options["every"])
                return
            try:
                self._round()
            except Error as error:
                raise CommandError(f"The database does not respond: {error}") from error
        if self._stopped_by:
            raise SystemExit(128 + self._stopped_by)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Remember SIGINT or SIGTERM, and wake the thread that waits for results."""

        def stop(number: int, _: Any) -> None:
            self._stopped_by = number
            self._results.put(None)
            signal.signal(number, signal.SIG_DFL)  # a second signal ends at once

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _rounds(self, every: float) -> None:
        """Run rounds forever, at least a second apart. A failed round does not stop the next."""
        while not self._stopped_by:
            try:
                self._round()
            except (CommandError, Error) as error:
                self.stderr.write(f"{timezone.now():%Y-%m-%d %H:%M:%S}: {error}")
            connection.close()
            self._next(max(every, 1.0))

    def _round(self) -> None:
        limit, failing = self._options["limit"], self._options["failing"]
        if requested := set(self._options["clip"] or ()):  # few, and the user is waiting
            clips = due_clips(limit=len(requested), clip_ids=sorted(requested))
            if missing := requested - {clip.pk for clip in clips}:
                ids = ", ".join(map(str, sorted(missing)))
                raise CommandError(f"Clips not found, deleted or withdrawn: {ids}")
            self._check(clips)
            return
        try:
            with advisory_lock(LOCK):  # concurrent checks would hurry the same hosts
                not_since = timezone.now() - timedelta(seconds=self._options["older_than"])
                self._check(due_clips(limit=limit, not_since=not_since, failing=failing))
        except LockHeldError as error:
            raise CommandError(
                f"Another check_sources is running: {error}. Try again when it has finished."
            ) from None

    def _check(self, clips: list[DueClip]) -> None:
        summary = CheckSummary()
        try:
            results = self._inspect_all(clips)
            for result in results if self._options["clip"] else plausible_results(results):
                change = save_result(result, summary)
                if change or (result.report and result.report.warning):
                    self._report(result, change)
        except NoOriginRespondsError:
            if not self._stopped_by:
                raise CommandError(
                    "No origin responds, so no result was saved. Check this machine's network."
                ) from None
        finally:
            if self._options["verbosity"] and (clips or self._options["every"] is None):
                self.stdout.write(f"{'Interrupted. ' if self._stopped_by else ''}{summary}")

    def _inspect_all(self, clips: list[DueClip]) -> Iterator[CheckResult]:
        """Yield results as they come in, until the command is stopped."""
        uploads = [clip for clip in clips if clip.audio_file]
        remote = [clip for clip in clips if clip.audio_url]
        quiet = None if self._options["verbosity"] else True  # None: show it only on a terminal
        with tqdm(desc="Checking", total=len(clips), unit="clip", disable=quiet) as bar:
            for clip in uploads:
                if self._stopped_by:
                    return
                self._touch_alive_file()
                yield CheckResult(clip, self._inspect_upload(clip))
                bar.update()
            self._results = SimpleQueue()
            pace = Pace(*(self._options[name] for name in ("workers", "pause", "again_after")))
            checker = SourceChecker(remote, self._inspect, pace, self._results)
            try:
                for _ in remote:
                    result = self._next()
                    if result is None:
                        return
                    yield result
                    bar.update()
            finally:
                checker.close()

    def _inspect(self, clip: DueClip) -> SourceReport:
        """Inspect a URL. Fetch the whole file if neither the origin nor the clip gives its size."""
        if self._options["whole"]:
            return inspect_source(clip.audio_url)
        report = inspect_source(clip.audio_url, head_only=True)
        if report.code is None and report.size_bytes is None and clip.size_bytes is None:
            return inspect_source(clip.audio_url)
        return report

    def _inspect_upload(self, clip: DueClip) -> SourceReport:
        return inspect_upload(clip.audio_file, head_only=not self._options["whole"])

    def _next(self, most: float = float("inf")) -> CheckResult | None:
        """Return the next result; None after `most` seconds, or if the command is stopped.

        Results that came in before that are returned first.
        """
        until = time.monotonic() + most
        while True:
            self._touch_alive_file()
            left = 0.0 if self._stopped_by else max(0.0, until - time.monotonic())
            try:
                result = self._results.get(timeout=min(left, ALIVE_SECONDS))
            except Empty:
                if not left:
                    return None
            else:
                if result is not None:
                    return result

    def _touch_alive_file(self) -> None:
        if self._options["alive_file"]:
            self._options["alive_file"].touch()

    def _report(self, result: CheckResult, change: str | None) -> None:
        """Print the change of a clip's health and its reason, or a warning about its audio."""
        if self._options["verbosity"] and result.report:
            reason = result.report.detail if result.report.code else result.report.warning
            text = ": ".join(part for part in (change, reason) if part)
            with tqdm.external_write_mode():
                self.stdout.write(f"clip {result.clip.pk} “{result.clip.title}” {text}")
