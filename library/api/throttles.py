"""How many requests a client may send in a minute, counted by all processes together.

Reads are counted here and added to the shared count in PostgreSQL in batches of a hundredth of the
limit, so few of them pay for it. A process knows what others have let through when its own batch is
added, so each lets through a batch too many, and what it is asked while that batch is on its way: a
few per cent where a client asks much at once. Writes are added one by one, which is exact.
"""

import logging
import time
from dataclasses import dataclass
from threading import Lock
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import Error
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from library.api.clients import client_name, digest
from library.models import RequestCount

logger = logging.getLogger(__name__)

MINUTE = 60
SCOPES = {"create": "writes", "partial_update": "writes", "destroy": "writes", "bulk": "bulk"}


@dataclass
class Tally:
    """A client's requests in this minute: of all processes as last heard, and ours since."""

    shared: int = 0
    ours: int = 0


class Counts:
    """The tallies of the running minute, of one process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._minute = self._purged = 0
        self._tallies: dict[str, Tally] = {}

    def add(self, client: str, minute: int, limit: int, batch: int) -> int:
        """Count one request; returns how many there are, as far as is known.

        If PostgreSQL cannot count, this process goes on by itself: the limit is no reason to fail.
        """
        with self._lock:
            if minute > self._minute:
                self._minute, self._tallies = minute, {}
            tally = self._tallies.setdefault(client, Tally())
            tally.ours += 1
            if tally.shared > limit or tally.ours < batch:
                return tally.shared + tally.ours
            count, tally.ours = tally.ours, 0
            tally.shared += count
            known = tally.shared
        try:
            key = UUID(bytes=digest("throttle", f"{minute} {client}"))
            known = RequestCount.objects.add(key, minute, count)
            if minute > self._purged:
                self._purged = minute
                RequestCount.objects.purge(minute)
        except Error:
            logger.warning("Requests are not counted, for the database does not", exc_info=True)
        with self._lock:
            tally.shared = max(tally.shared, known)
        return known


_counts = Counts()


class ClientThrottle(BaseThrottle):
    """The limits of this service; says in every answer how much is left.

    The fields are those of draft-ietf-httpapi-ratelimit-headers-10.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        """Whether the client is within its limit."""
        client = client_name(request)
        if not settings.CLIPS_THROTTLE or client is None:
            return True
        scope = SCOPES.get(getattr(view, "action", ""), "reads")
        limit: int = settings.CLIPS_THROTTLE_RATES[scope]
        batch = max(1, limit // 100) if scope == "reads" else 1
        minute, second = divmod(time.time(), MINUTE)
        self._seconds_left = MINUTE - int(second)
        sent = _counts.add(f"{scope} {client}", int(minute), limit, batch)
        left = max(0, limit - sent)
        view.headers["RateLimit-Policy"] = f'"{scope}";q={limit};w={MINUTE}'
        view.headers["RateLimit"] = f'"{scope}";r={left};t={self._seconds_left}'
        return sent <= limit

    def wait(self) -> float:
        """Seconds until the client may ask again, for Retry-After."""
        return self._seconds_left
