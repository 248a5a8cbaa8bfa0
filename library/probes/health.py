"""Liveness and readiness checks for load balancers and orchestrators.

An instance is ready if the database responds, is migrated and accepts changes, the audio store is
writable, and its disk has free space. If each instance has its own disk, one with a failed disk
should leave the load balancer while the others serve. If they share a disk, all would leave at
once, although uploads, stored copies and the API still work: then set
`CLIPS_READY_IGNORE=store,disk` and rely on alerts. With `writes` in that list, instances serve
reads while the database is read-only.
"""

import logging
import shutil
import tempfile
import time
from functools import cache
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse

from library.probes.background_probe import BackgroundProbe, NoResultError

logger = logging.getLogger(__name__)

NO_STORE = {"Cache-Control": "no-store"}
RETRY_AFTER = "5"  # seconds
ALIVE = b'{"status": "alive"}'
TIMEOUT = 2.0  # seconds after which a check has failed
CONNECT_TIMEOUT = 2  # seconds; libpq allows no less
SOON = 1.0  # seconds within which a server that has restarted closes a connection
CONNECTION_AGE = 5.0  # seconds, so that the check soon sees what new connections see
NO_RESPONSE = {
    "database": "the database is not responding",
    "store": "the disk of the audio store is not responding",
    "disk": "the disk is not responding",
}
Problems = dict[str, str]  # descriptions by name of the check


def livez(request: HttpRequest) -> HttpResponse:
    """GET /livez: 200 while this process can respond. Does not check other services."""
    return HttpResponse(ALIVE, content_type="application/json", headers=NO_STORE)


def readyz(request: HttpRequest) -> JsonResponse:
    """GET /readyz: 200 if this instance is ready, or 503 with the problems, both within seconds."""
    problems = _find_problems()
    names = ("database", "migrations", "writes", "store", "disk")
    checks = {name: problems.get(name, "ok") for name in names}
    if "database" in problems:
        checks["migrations"] = checks["writes"] = "unknown"
    ready = set(problems) <= set(settings.CLIPS_READY_IGNORE)
    _log_changes(problems, ready=ready)
    status = "ready" if ready else "unavailable"
    body = {"status": status, "problems": [*problems.values()], "checks": checks}
    if ready:
        return JsonResponse(body, headers=NO_STORE)
    return JsonResponse(body, status=503, headers=NO_STORE | {"Retry-After": RETRY_AFTER})


def _find_problems() -> Problems:
    """Run all checks. A check that hangs holds one thread, however many requests wait for it."""
    problems: Problems = {}
    runs = [(name, probe, probe.request()) for name, probe in _probes.items()]
    for name, probe, number in runs:
        try:
            problems |= probe.wait(number, max(0.0, TIMEOUT - probe.running_for))
        except NoResultError as error:
            problems[name] = NO_RESPONSE[name]
            if error.__cause__ is not None:
                logger.exception("The check of %s failed", name)
    return problems


class _Database:
    """A connection for the check, kept for some seconds. Its thread serves no requests."""

    def __init__(self) -> None:
        self._connection: Any = None
        self._opened_at = 0.0

    def check(self) -> Problems:
        """Check that the database responds, has all migrations, and accepts changes."""
        began = time.monotonic()
        try:
            try:
                return self._check()
            except (psycopg.OperationalError, psycopg.InterfaceError):
                self.close()
                if time.monotonic() - began >= SOON:
                    raise  # no response: the next check comes soon
                return self._check()  # the server may have restarted
        except psycopg.Error:
            self.close()
            return {"database": NO_RESPONSE["database"]}

    def _check(self) -> Problems:
        problems: Problems = {}
        if time.monotonic() - self._opened_at > CONNECTION_AGE:
            self.close()
        if self._connection is None:
            database: Any = connection  # clips_site/database/postgresql/base.py
            self._connection = database.open_separate(
                purpose="readiness", connect_timeout=CONNECT_TIMEOUT
            )
            self._connection.deadline = TIMEOUT  # that of the workers is longer
            self._opened_at = time.monotonic()
        if missing := sorted(needed_migrations() - self._applied()):
            text = f"{len(missing)}, the first is {'.'.join(missing[0])}"
            problems["migrations"] = f"migrations are not applied: {text}"
        if self._connection.execute("SHOW transaction_read_only").fetchone() == ("on",):
            problems["writes"] = "the database is read-only"
            self.close()  # the next connection may find another server
        return problems

    def _applied(self) -> set[tuple[str, str]]:
        try:
            return {*self._connection.execute("SELECT app, name FROM django_migrations")}
        except psycopg.errors.UndefinedTable:
            return set()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@cache
def needed_migrations() -> frozenset[tuple[str, str]]:
    """Return this code's migrations. Reading them takes a hundred times as long as a check."""
    return frozenset(MigrationLoader(None).graph.nodes)


def _check_store() -> Problems:
    """Check that the audio store is writable by writing a block to a file without a name."""
    folder = settings.AUDIO_STORE_DIR
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            file.write(bytes(4096))
    except OSError as error:
        return {"store": f"the audio store cannot be written to ({error.strerror})"}
    return {}


def _check_disk() -> Problems:
    free, least = shutil.disk_usage(settings.LOCAL_DIR).free, settings.CLIPS_READY_DISK_FREE_BYTES
    if free >= least:
        return {}
    return {"disk": f"the disk has {free:,} bytes free, fewer than {least:,}"}


def _log_changes(problems: Problems, *, ready: bool) -> None:
    """Log the problems if others are found than before. Health checks come every few seconds."""
    global _previous
    previous, _previous = _previous, frozenset(problems)
    if _previous == previous:
        return
    if problems:
        text = "; ".join(problems.values())
        logger.warning("%s: %s", "Ready, but" if ready else "Not ready", text, extra=problems)
    else:
        logger.info("Ready again")


_previous: frozenset[str] = frozenset()
_database = _Database()
_probes = {
    "database": BackgroundProbe(_database.check, "check database"),
    "store": BackgroundProbe(_check_store, "check store"),
    "disk": BackgroundProbe(_check_disk, "check disk"),
}
