"""Anonymous listeners: hashes whose key is destroyed when the day is over.

A listener is an address and a user agent on one day (IAB Podcast Measurement 2.x; IPv6 addresses
are cut to /64). The key is stored in the database, where all processes read it, and nowhere else.
Once its row is deleted, a hash can't be traced to an address, and hashes of different days can't be
linked.
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

from library.client_address import Network
from library.models import MAX_DURATION
from library.plays import partitions

logger = logging.getLogger(__name__)

# Yesterday's key is kept for as long as a clip that began yesterday may still be playing.
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
class Keys:
    """Today's key, and yesterday's while it is needed; `until` is a monotonic time."""

    today: bytes
    before: bytes | None
    until: float


_keys: Keys | None = None
_renewing = Lock()


def listener_hashes(
    keys: Keys, network: Network | None, user_agent: str
) -> tuple[UUID | None, UUID | None]:
    """Return the hashes of a listener with today's and with yesterday's key.

    The second is None once yesterday's key is destroyed; both are None if no address is known.
    """
    if network is None:
        return None, None
    identity = f"{network.network_address}\0{user_agent}".encode()
    return _hash(keys.today, identity), _hash(keys.before, identity) if keys.before else None


def reporter_hash(keys: Keys, network: Network) -> UUID:
    """Return today's hash of a client that reports a clip.

    It equals that of no listener, because no User-Agent contains NUL.
    """
    return _hash(keys.today, f"{network.network_address}\0\0reporter".encode())


def _hash(key: bytes, identity: bytes) -> UUID:
    return UUID(bytes=hmac.digest(key, identity, hashlib.sha256)[:16])


def known_keys() -> Keys | None:
    """Return the current keys if this process knows them. Never waits."""
    keys = _keys
    return keys if keys is not None and time.monotonic() < keys.until else None


def current_keys() -> Keys:
    """Return the current keys, from the database if the day or the grace period has ended.

    Raises django.db.Error.
    """
    global _keys
    keys = known_keys()
    if keys is None:
        with _renewing:
            keys = known_keys()
            if keys is None:
                keys = _keys = _renewed_keys()
    return keys


def _renewed_keys() -> Keys:
    """Create today's key unless another process has, and destroy older ones.

    The day is taken from the database's clock, so that all processes agree. The first play of a day
    also creates the partitions of the coming months.
    """
    read_at = time.monotonic()
    try:
        with connection.cursor() as cursor:
            cursor.execute(MAKE)
            cursor.execute(DESTROY, [GRACE.total_seconds()])
            cursor.execute(READ)
            (now, day, key), *older = cursor.fetchall()
        try:
            partitions.make_ahead()
        except Error:
            # Two months remain to create them, and recording creates a missing one itself.
            logger.exception("The partitions of the coming months could not be created")
    finally:
        connection.close()
    midnight = datetime.combine(day, datetime.min.time(), UTC)
    grace_ends = midnight + GRACE
    ends = grace_ends if now < grace_ends else midnight + timedelta(days=1)
    before = bytes(older[0][2]) if older and older[0][1] == day - timedelta(days=1) else None
    return Keys(bytes(key), before, read_at + (ends - now).total_seconds())
