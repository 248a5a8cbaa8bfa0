"""Analyse many clips: several at once, but one download at a time from each host, with pauses."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Thread

from django.db import connection

from library.analyses.analysing import Audio, Kind, Result, analyse_clip, postpone_like
from library.analyses.due_clips import DueClip

POLL = 0.25  # seconds between two looks whether the round should stop
PAUSE = 0.5  # seconds between two downloads from one host
NO_RESPONSE = {"origin_dns_failed", "origin_unreachable", "origin_tls_failed", "origin_timeout"}
# Consecutive clips of a host without a response, or without audio for any reason. Then the host
# gets no more requests in this round.
UNANSWERED, UNAVAILABLE = 3, 10

Outcome = tuple[DueClip, Result]
Groups = SimpleQueue[Sequence[DueClip]]
Results = SimpleQueue[Outcome | Exception | None]  # None when a thread ends


class AnalysisRound:
    """Analyses clips, first those whose audio is on this machine.

    If it is stopped, the analyses in progress are finished and saved. `counts` has the number of
    clips by result. Clips that were not reached, or whose host was given up, are not in it. The
    latter wait for a later attempt, also those of the next portions.
    """

    def __init__(
        self,
        should_stop: Callable[[], bool],
        *,
        fetch: bool,
        again: bool = False,
        workers: int = 1,
        pause: float = PAUSE,
    ) -> None:
        """`should_stop` is called several times a second. `pause` is in seconds.

        Without `fetch`, nothing is downloaded. With `again`, current analyses are repeated.
        """
        self.counts: Counter[Kind] = Counter()
        self.given_up: dict[str, int] = {}  # hosts, and the last clip of each that was tried
        self._should_stop = should_stop
        self._fetch = fetch
        self._again = again
        self._workers = workers
        self._pause = pause
        self._stop = Event()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def results(self, clips: Sequence[DueClip]) -> Iterator[Outcome]:
        """Analyse a portion of clips, and yield each result as it comes in.

        Raises django.db.Error.
        """
        remote: dict[str, list[DueClip]] = {}
        for clip, result in self._in_threads([[clip] for clip in clips], Audio.STORED):
            if self._fetch and result.kind == Kind.NOT_STORED:
                remote.setdefault(clip.host, []).append(clip)
            else:
                self.counts[result.kind] += 1
                yield clip, result
        for host in remote.keys() & self.given_up.keys():
            self._postpone(remote.pop(host), host)
        for clip, result in self._in_threads([*remote.values()], Audio.FETCHED):
            self.counts[result.kind] += 1
            yield clip, result

    def _in_threads(self, groups: Sequence[Sequence[DueClip]], wanted: Audio) -> Iterator[Outcome]:
        """Analyse groups of clips, several groups at once, and yield the results."""
        waiting: Groups = SimpleQueue()
        for group in groups:
            waiting.put(group)
        results: Results = SimpleQueue()
        number = min(self._workers, len(groups))
        self._look()
        for _ in range(number):
            arguments = (waiting, wanted, results)
            Thread(target=self._work, args=arguments, name="analysis", daemon=True).start()
        try:
            yield from self._received(results, number)
        except BaseException:
            self._stop.set()
            raise

    def _look(self) -> None:
        if self._should_stop():
            self._stop.set()

    def _received(self, results: Results, threads: int) -> Iterator[Outcome]:
        """Yield results until all threads have ended. Raises the exception of one."""
        while threads:
            try:
                outcome = results.get(timeout=POLL)
            except Empty:
                self._look()
                continue
            if outcome is None:
                threads -= 1
            elif isinstance(outcome, Exception):
                raise outcome
            else:
                yield outcome
                self._look()

    def _work(self, waiting: Groups, wanted: Audio, results: Results) -> None:
        """Analyse groups until none is left."""
        try:
            while not self.stopped:
                self._analyse_group(waiting.get_nowait(), wanted, results)
        except Empty:
            pass
        except Exception as error:
            results.put(error)
        finally:
            connection.close()
            results.put(None)

    def _analyse_group(self, group: Sequence[DueClip], wanted: Audio, results: Results) -> None:
        """Analyse clips of one host in turn, until it is given up or the round is stopped."""
        unanswered = unavailable = 0
        for number, clip in enumerate(group):
            if (number and self._stop.wait(self._pause)) or self.stopped:
                return
            result = analyse_clip(clip.pk, wanted, again=self._again)
            results.put((clip, result))
            unanswered = unanswered + 1 if result.code in NO_RESPONSE else 0
            unavailable = unavailable + 1 if result.kind == Kind.UNAVAILABLE else 0
            if unanswered == UNANSWERED or unavailable == UNAVAILABLE:
                self.given_up[clip.host] = clip.pk
                self._postpone(group[number + 1 :], clip.host)
                return

    def _postpone(self, clips: Sequence[DueClip], host: str) -> None:
        """Let clips of a host that was given up wait, unless they need no analysis."""
        if not self._again:
            postpone_like(self.given_up[host], [clip.pk for clip in clips])
