"""Who listens, without telling who: a hash whose key is destroyed when the day is over.

Address and user agent of one day make a listener (IAB Podcast Measurement 2.x; IPv6 cut to /64).
The key lies in the database, for all processes, and nowhere else: once its row is deleted nobody
can find out whose hash it was, or whether two of different days are the same listener's.
"""

import hashlib
import hmac
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from uuid import UUID

from django.db import Error, connection
from django.http import HttpRequest

from library.models import MAX_DURATION
from library.plays import partitions
from library.proxies import client_network

logger = logging.getLogger(__name__)

# Yesterday's key lives on for as long as a clip begun yesterday may be playing.
GRACE = timedelta(seconds=MAX_DURATION)

MAKE = """
INSERT INTO library_listenerkey (day, key)
VALUES (
    (now() AT TIME ZONE 'UTC')::date,
    sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
) ON CONFLICT (day) DO NOTHING
"""
DESTROY = """
DELETE FROM library_listenerkey
WHERE day < ((now() - make_interval(secs => %s)) AT TIME ZONE 'UTC')::date
"""
READ = "SELECT now(), day, key FROM library_listenerkey ORDER BY day DESC LIMIT 2"


@dataclass(frozen=True)
class _Keys:
    """The day's key, and yesterday's while it is needed; `until` is a monotonic time."""

    today: bytes
    before: bytes | None
    until: float


_keys: _Keys | None = None
_renewing = Lock()


def listener_hashes(request: HttpRequest) -> tuple[UUID | None, UUID | None]:
    """The listener of this request, and who that was yesterday if it still matters.

    None, None where no address is known. Raises django.db.Error.
    """
    network = client_network(request)
    if network is None:
        return None, None
    said = f"{network.network_address}\0{request.headers.get('User-Agent', '')}".encode()
    keys = _current_keys()
    return _hash(keys.today, said), _hash(keys.before, said) if keys.before else None


def _hash(key: bytes, said: bytes) -> UUID:
    return UUID(bytes=hmac.digest(key, said, hashlib.sha256)[:16])


def _current_keys() -> _Keys:
    """The keys of now; from the database when the day, or the grace of the last, has ended."""
    global _keys
    known = _keys
    if known is not None and time.monotonic() < known.until:
        return known
    with _renewing:
        if _keys is None or _keys is known:
            _keys = _renewed_keys()
        return _keys


def _renewed_keys() -> _Keys:
    """Make the day's key unless another process has, and destroy the old.

    The database's clock tells the day, to all processes alike. The day's first play also makes the
    coming months' partitions.
    """
    asked_at = time.monotonic()
    try:
        with connection.cursor() as cursor:
            cursor.execute(MAKE)
            cursor.execute(DESTROY, [GRACE.total_seconds()])
            cursor.execute(READ)
            (now, day, key), *older = cursor.fetchall()
        _make_partitions()
    finally:
        connection.close()
    midnight = datetime.combine(day, datetime.min.time(), UTC)
    grace_ends = midnight + GRACE
    ends = grace_ends if now < grace_ends else midnight + timedelta(days=1)
    before = bytes(older[0][2]) if older and older[0][1] == day - timedelta(days=1) else None
    return _Keys(bytes(key), before, asked_at + (ends - now).total_seconds())


def _make_partitions() -> None:
    try:
        partitions.make_ahead()
    except Error:
        # There are two months left to make them, and recording makes the one that it lacks.
        logger.exception("The coming months' partitions could not be made")
