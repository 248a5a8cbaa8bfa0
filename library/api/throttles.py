"""Rate limits per client and minute, counted by all processes together.

Each process counts reads itself and adds them to the shared count in PostgreSQL in batches of a
hundredth of the limit, so that few reads need a query. It learns what other processes have counted
when it adds a batch. So each process may exceed the limit by one batch and by the requests that
arrive while that batch is being added: a few per cent for a client with many parallel requests.
Writes and reports of clips are added one by one, so their limit is exact. Reports of clips also
have a limit per day (UTC). Reports of listens are counted like reads.
"""

import logging
import time
from dataclasses import dataclass
from threading import Lock
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import Error
from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from library.api.clients import client_name, digest, network_name
from library.api.early_look import look_at
from library.database_errors import fault_of, first_line
from library.models import RequestCount

logger = logging.getLogger(__name__)

MINUTE = 60
DAY = 24 * 60  # minutes
DAILY_REPORTS = 10  # times as many reports of clips as in a minute
MOST_CLIENTS = 100_000  # whose requests of a minute a process counts; the first are forgotten
SCOPES = {
    "bulk": "bulk",
    "listen": "listens",
    **dict.fromkeys(("create", "partial_update", "destroy", "replace_audio"), "writes"),
    # Of webhooks.
    **dict.fromkeys(("pause", "resume", "test", "rotate_secret", "resend"), "writes"),
}
BATCHED = frozenset(("reads", "listens"))


@dataclass(slots=True)
class Tally:
    """A client's requests in this period: the last known shared count, and those not yet added."""

    shared: int = 0
    pending: int = 0


class Counts:
    """The tallies of the current period in this process: by default, of the current minute."""

    def __init__(self, minutes: int = 1) -> None:
        self._lock = Lock()
        self._minutes = minutes
        self._period = self._purged = 0
        self._tallies: dict[str, Tally] = {}

    def add(self, client: str, minute: int, limit: int, batch: int) -> int:
        """Count a request. Return the client's requests in this period, as far as known.

        If PostgreSQL cannot count, the process uses its own count: a limit must not cause errors.
        """
        with self._lock:
            tally = self._tally(client, minute)
            tally.pending += 1
            if tally.shared > limit or tally.pending < batch:
                return tally.shared + tally.pending
            count, tally.pending = tally.pending, 0
            tally.shared += count
            known = tally.shared
        try:
            last = (minute // self._minutes + 1) * self._minutes - 1  # until then the count is kept
            key = UUID(bytes=digest("throttle", f"{last} {client}"))
            known = RequestCount.objects.add(key, last, count)
            if minute > self._purged:
                self._purged = minute
                RequestCount.objects.purge(minute)
        except Error as error:
            logger.warning(
                "Requests could not be counted in the database: %s",
                first_line(error),
                exc_info=fault_of(error) is None,
            )
        with self._lock:
            tally.shared = max(tally.shared, known)
        return known

    def add_in_memory(self, client: str, minute: int, limit: int, batch: int) -> int | None:
        """Count a request if that needs no query and stays within the limit, else return None."""
        with self._lock:
            tally = self._tally(client, minute)
            if tally.pending + 1 >= batch or tally.shared + tally.pending >= limit:
                return None
            tally.pending += 1
            return tally.shared + tally.pending

    def is_over(self, client: str, minute: int, limit: int) -> bool:
        """Return whether `add` would return more than the limit without a query."""
        with self._lock:
            return self._tally(client, minute).shared > limit

    def _tally(self, client: str, minute: int) -> Tally:
        period = minute // self._minutes
        if period > self._period:
            self._period, self._tallies = period, {}
        tally = self._tallies.get(client)
        if tally is None:
            if len(self._tallies) >= MOST_CLIENTS:  # an attacker may have many IPv6 networks
                del self._tallies[next(iter(self._tallies))]
            tally = self._tallies[client] = Tally()
        return tally


_counts = Counts()
_daily_counts = Counts(DAY)


def count_kept_read(client: str | None) -> tuple[tuple[str, str], ...] | None:
    """Count a read by an anonymous client whose answer is kept in memory. Never waits.

    Returns the headers for the answer, or None if a `ClientThrottle` must count the request,
    because the shared count is due or the limit is reached. `client` is None if it is unknown.
    """
    return count_quickly("reads", client)


def count_quickly(scope: str, client: str | None) -> tuple[tuple[str, str], ...] | None:
    """Do the same for requests of a scope that are counted in batches."""
    if client is None:
        return ()
    limit = settings.CLIPS_THROTTLE_RATES[scope]
    minute, second = divmod(time.time(), MINUTE)
    sent = _counts.add_in_memory(f"{scope} {client}", int(minute), limit, _batch(limit))
    return None if sent is None else tuple(_headers(scope, limit, sent, MINUTE - int(second)))


def refused_read(client: str | None) -> tuple[Throttled, tuple[tuple[str, str], ...]] | None:
    """Return the error and the headers for a read above an anonymous client's limit, or None.

    Never waits, and finds only those that a `ClientThrottle` would refuse without a query.
    """
    limit = settings.CLIPS_THROTTLE_RATES["reads"]
    minute, second = divmod(time.time(), MINUTE)
    if client is None or not _counts.is_over(f"reads {client}", int(minute), limit):
        return None
    wait = MINUTE - int(second)
    return Throttled(wait), tuple(_headers("reads", limit, limit, wait))


def count_read(request: HttpRequest) -> tuple[int, dict[str, str]]:
    """Count a read of a page for the client's network, and return the headers for the response.

    The number is that of the seconds after which the read may be repeated; 0 if it is allowed.
    """
    network = network_name(request) if settings.CLIPS_THROTTLE else None
    if network is None:
        return 0, {}
    limit = settings.CLIPS_THROTTLE_RATES["reads"]
    minute, second = divmod(time.time(), MINUTE)
    seconds_left = MINUTE - int(second)
    sent = _counts.add(f"reads {network}", int(minute), limit, _batch(limit))
    return seconds_left if sent > limit else 0, dict(_headers("reads", limit, sent, seconds_left))


class TokenGuesses:
    """The unknown tokens of a network, counted like reads and limited like them.

    Looking up a token takes a query. Beyond the limit, only tokens that this process has accepted
    before are looked up, until the minute ends.
    """

    def __init__(self) -> None:
        self._accepted: set[bytes] = set()  # digests; no more than there are tokens

    def check(self, request: Request, digest: bytes) -> None:
        """Raise Throttled if the token must not be looked up. Never waits."""
        network = _limited_network(request)
        if network is None or digest in self._accepted:
            return
        limit = settings.CLIPS_THROTTLE_RATES["reads"]
        minute, second = divmod(time.time(), MINUTE)
        if _counts.is_over(f"tokens {network}", int(minute), limit):
            raise Throttled(MINUTE - int(second))

    def accept(self, digest: bytes) -> None:
        """Note that the token is valid."""
        self._accepted.add(digest)

    def count(self, request: Request, digest: bytes) -> None:
        """Count an unknown token."""
        self._accepted.discard(digest)
        if network := _limited_network(request):
            limit = settings.CLIPS_THROTTLE_RATES["reads"]
            minute = int(time.time() // MINUTE)
            _counts.add(f"tokens {network}", minute, limit, _batch(limit))


token_guesses = TokenGuesses()


class NewListens:
    """The listens that a network has begun in this minute: a tenth of its reports at most.

    So a script cannot fill the table. Reports of listens that have begun are not counted.
    """

    def wait(self, request: Request) -> int:
        """Return after how many seconds the client may begin a listen; 0 for now. Never waits."""
        network = _limited_network(request)
        minute, second = divmod(time.time(), MINUTE)
        if network is None or not _counts.is_over(_begun(network), int(minute), _most_new() - 1):
            return 0
        return MINUTE - int(second)

    def count(self, request: Request) -> None:
        """Count a listen that has begun."""
        if network := _limited_network(request):
            most, minute = _most_new(), int(time.time() // MINUTE)
            _counts.add(_begun(network), minute, most, max(1, most // 20))


new_listens = NewListens()


def count_report(request: HttpRequest) -> int:
    """Count a report of a clip. Return after how many seconds it may be sent; 0 for now.

    A report that exceeds the limit of the minute does not count for the day.
    """
    network = network_name(request) if settings.CLIPS_THROTTLE else None
    if network is None:
        return 0
    limit = settings.CLIPS_THROTTLE_RATES["reports"]
    minute, second = divmod(int(time.time()), MINUTE)
    if _counts.add(f"reports {network}", minute, limit, 1) > limit:
        return MINUTE - second
    limit *= DAILY_REPORTS
    if _daily_counts.add(f"reports of a day {network}", minute, limit, 1) > limit:
        return (DAY - minute % DAY) * MINUTE - second
    return 0


def _begun(network: str) -> str:
    return f"listens begun {network}"


def _most_new() -> int:
    return max(1, settings.CLIPS_THROTTLE_RATES["listens"] // 10)


def _limited_network(request: Request) -> str | None:
    return network_name(request) if settings.CLIPS_THROTTLE else None


def _batch(limit: int) -> int:
    return max(1, limit // 100)


def _headers(scope: str, limit: int, sent: int, seconds_left: int) -> list[tuple[str, str]]:
    """Return the header fields of draft-ietf-httpapi-ratelimit-headers-10."""
    left = max(0, limit - sent)
    return [
        ("RateLimit-Policy", f'"{scope}";q={limit};w={MINUTE}'),
        ("RateLimit", f'"{scope}";r={left};t={seconds_left}'),
    ]


class ClientThrottle(BaseThrottle):
    """Applies the limits, and reports the rest of them in the headers of every response."""

    def allow_request(self, request: Request, view: Any) -> bool:
        look = look_at(request.META)
        if look is not None and look.limits is not None:  # counted in the first turn
            view.headers.update(look.limits)
            return True
        client = client_name(request) if settings.CLIPS_THROTTLE else None
        if client is None:
            return True
        scope = SCOPES.get(getattr(view, "action", ""), "reads")
        limit: int = settings.CLIPS_THROTTLE_RATES[scope]
        batch = _batch(limit) if scope in BATCHED else 1
        minute, second = divmod(time.time(), MINUTE)
        self._seconds_left = MINUTE - int(second)
        sent = _counts.add(f"{scope} {client}", int(minute), limit, batch)
        limits = dict(_headers(scope, limit, sent, self._seconds_left))
        view.headers.update(limits)
        if look is not None:
            look.limits = limits
        return sent <= limit

    def wait(self) -> float:
        return self._seconds_left  # for Retry-After
