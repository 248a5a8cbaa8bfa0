"""Is the service alive, is it ready: for load balancers and orchestrators.

Ready means that this instance can do all it is for: the database answers and is migrated, the audio
store takes what origins send, and its disk has room. Where each instance has a disk of its own,
one whose disk fails should go while the others serve. Where they share one, all would go at once
though uploads, stored copies and the API still work: set `CLIPS_READY_IGNORE=store,disk` there, and
leave it to the alerts.
"""

import logging
import shutil
import tempfile
from functools import cache

import psycopg
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, JsonResponse

from library.probes.background_probe import NoAnswerError, Question

logger = logging.getLogger(__name__)

NO_STORE = {"Cache-Control": "no-store"}
PATIENCE = 2.0  # seconds after which what has not answered is taken to be away
SILENT = {
    "database": "the database does not answer",
    "store": "the disk below the audio store does not answer",
    "disk": "the disk does not answer",
}
Problems = dict[str, str]  # sentences, by the name of the check


def livez(request: HttpRequest) -> JsonResponse:
    """200 while the process answers; it asks nobody else."""
    return JsonResponse({"status": "alive"}, headers=NO_STORE)


def readyz(request: HttpRequest) -> JsonResponse:
    """200 if requests can be served; 503 with what is wrong. Either way within seconds."""
    found = _problems()
    checks = {name: found.get(name, "ok") for name in ("database", "migrations", "store", "disk")}
    if "database" in found:
        checks["migrations"] = "unknown"
    ready = set(found) <= set(settings.CLIPS_READY_IGNORE)
    _log.note(found, ready=ready)
    return JsonResponse(
        {
            "status": "ready" if ready else "unavailable",
            "problems": [*found.values()],
            "checks": checks,
        },
        status=200 if ready else 503,
        headers=NO_STORE,
    )


def _problems() -> Problems:
    """What is wrong; what hangs holds one thread of its own, however many probes come."""
    found: Problems = {}
    asked = [(name, question, question.begin()) for name, question in _questions.items()]
    for name, question, number in asked:
        try:
            found |= question.await_answer(number, max(0.0, PATIENCE - question.asked_for))
        except NoAnswerError as error:
            found[name] = SILENT[name]
            if error.__cause__ is not None:
                logger.exception("The check of %s failed", name)
    return found


class _Database:
    """A connection of its own, kept: for one of the pool it would wait behind many requests."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection | None = None

    def ask(self) -> Problems:
        """One statement, for whether it answers and what is applied."""
        try:
            try:
                applied = self._applied()
            except (psycopg.OperationalError, psycopg.InterfaceError):
                self.close()  # it may have been restarted since
                applied = self._applied()
        except psycopg.errors.UndefinedTable:
            applied = set()
        except psycopg.Error:
            self.close()
            return {"database": SILENT["database"]}
        missing = sorted(needed_migrations() - applied)
        if not missing:
            return {}
        first = ".".join(missing[0])
        return {"migrations": f"migrations are not applied: {len(missing)}, the first is {first}"}

    def _applied(self) -> set[tuple[str, str]]:
        if self._connection is None:
            params = connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}
            self._connection = psycopg.connect(**params, autocommit=True)
        return {*self._connection.execute("SELECT app, name FROM django_migrations")}

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@cache
def needed_migrations() -> frozenset[tuple[str, str]]:
    """The migrations that this code needs. Read once: that takes a hundred times a probe."""
    return frozenset(MigrationLoader(None).graph.nodes)


def _store() -> Problems:
    """Whether the audio store takes a block, on a file without a name."""
    folder = settings.AUDIO_STORE_DIR
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            file.write(bytes(4096))
    except OSError as error:
        return {"store": f"the audio store cannot be written to ({error.strerror})"}
    return {}


def _disk() -> Problems:
    free, least = shutil.disk_usage(settings.LOCAL_DIR).free, settings.CLIPS_READY_DISK_FREE_BYTES
    if free >= least:
        return {}
    return {"disk": f"the disk has {free:,} bytes left, fewer than {least:,}"}


class _Log:
    """Tells when what is wrong changes; probes come every few seconds."""

    def __init__(self) -> None:
        self._told: frozenset[str] = frozenset()

    def note(self, found: Problems, *, ready: bool) -> None:
        """Log this unless the last probe found the same."""
        told, self._told = self._told, frozenset(found)
        if self._told == told:
            return
        if found:
            what = "; ".join(found.values())
            logger.warning("%s: %s", "Ready, but" if ready else "Not ready", what, extra=found)
        else:
            logger.info("Ready again")


_log = _Log()
_database = _Database()
_questions = {
    "database": Question(_database.ask, "check database"),
    "store": Question(_store, "check store"),
    "disk": Question(_disk, "check disk"),
}
