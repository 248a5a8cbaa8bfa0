"""What goes wrong: each a context in which it does, with the alerts that it must raise."""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psycopg

from benchmarks.monitored.origin import Origin
from benchmarks.monitored.service import DATABASE, Postgres, Service
from library.audio.eviction import evict


class Stage(NamedTuple):
    """All that can be broken."""

    service: Service
    postgres: Postgres
    origin: Origin


class Fault(NamedTuple):
    """`raises`: alerts with their severities. `mutes`: alerts that fire, and of which nobody is
    told, since the first one says it.
    """

    what: str
    break_it: Callable[[Stage], AbstractContextManager[None]]
    raises: tuple[tuple[str, str], ...]
    mutes: tuple[str, ...] = ()


@contextmanager
def killed(stage: Stage) -> Iterator[None]:
    stage.service.kill()
    yield
    stage.service.start()


@contextmanager
def hanging(stage: Stage) -> Iterator[None]:
    """The workers stand still; what answers /metrics on its own port does not."""
    workers = stage.service.workers()
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    yield
    for worker in workers:
        os.kill(worker, signal.SIGCONT)


@contextmanager
def no_database(stage: Stage) -> Iterator[None]:
    stage.postgres.stop()
    yield
    stage.postgres.start()


@contextmanager
def read_only(stage: Stage) -> Iterator[None]:
    """The database can be read and not written, as after a fail-over to a standby."""
    _set_read_only(stage, "on")
    yield
    _set_read_only(stage, "off")


def _set_read_only(stage: Stage, value: str) -> None:
    with psycopg.connect(
        host=stage.postgres.server, user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute(f"ALTER DATABASE {DATABASE} SET default_transaction_read_only = {value}")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [DATABASE]
        )


@contextmanager
def no_capacity(stage: Stage) -> Iterator[None]:
    """One stream at a time for each process."""
    stage.service.stop()
    stage.service.start(CLIPS_MAX_STREAMS="1")
    yield
    stage.service.stop()
    stage.service.start()


@contextmanager
def slow_origin(stage: Stage) -> Iterator[None]:
    stage.origin.slow = True
    with _emptied_again_and_again(stage.service.store):
        yield
    stage.origin.slow = False


@contextmanager
def failing_origin(stage: Stage) -> Iterator[None]:
    stage.origin.fails = True
    with _emptied_again_and_again(stage.service.store):
        yield
    stage.origin.fails = False


@contextmanager
def _emptied_again_and_again(store: Path) -> Iterator[None]:
    """So that the origin is asked each time."""
    over = threading.Event()

    def empty() -> None:
        while not over.wait(0.2):
            evict(store, 0)

    thread = threading.Thread(target=empty)
    thread.start()
    yield
    over.set()
    thread.join()


@contextmanager
def nearly_full(stage: Stage) -> Iterator[None]:
    """A small disk below the store, of which a twelfth is free: enough for all clips."""
    with _small_disk(stage, free=1 / 12):
        yield


@contextmanager
def full(stage: Stage) -> Iterator[None]:
    """A small disk below the store, of which nothing is free."""
    with _small_disk(stage, free=0):
        yield


@contextmanager
def _small_disk(stage: Stage, free: float) -> Iterator[None]:
    size, store = 64 << 20, stage.service.store
    stage.service.stop()
    shutil.rmtree(store, ignore_errors=True)
    store.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(store)]
    subprocess.run(mount, check=True)
    try:
        stage.service.start()
        _fill(store, size * free)
        yield
    finally:
        stage.service.stop()
        subprocess.run(["umount", str(store)], check=True)
    stage.service.start()


def _fill(folder: Path, free: float) -> None:
    """Until so many bytes are free, while others write too."""
    with (folder / "filler").open("wb") as filler, suppress(OSError):
        while shutil.disk_usage(folder).free > free:
            filler.write(bytes(4096))
            filler.flush()


FAULTS = (
    Fault("the service is killed", killed, (("ClipsDown", "critical"),)),
    Fault("its workers hang", hanging, (("ClipsDown", "critical"),)),
    Fault(
        "the origin is slow, the store empty",
        slow_origin,
        (("StreamStartsSlow", "critical"), ("StreamStartsSlow", "warning")),
    ),
    Fault(
        "the origin fails, the store empty",
        failing_origin,
        (("OriginFailing", "critical"), ("OriginFailing", "warning")),
    ),
    Fault(
        "one stream at a time has room",
        no_capacity,
        (("StreamErrors", "critical"), ("StreamErrors", "warning")),
    ),
    Fault("PostgreSQL is stopped", no_database, (("DatabaseDown", "critical"),), ("StreamErrors",)),
    Fault(
        "the database is read-only",
        read_only,
        (("PlaysNotRecorded", "critical"),),
        ("StreamErrors",),
    ),
    Fault("a twelfth of the disk is free", nearly_full, (("AudioStoreFull", "warning"),)),
    Fault("the disk is full", full, (("AudioStoreFull", "critical"),)),
)
