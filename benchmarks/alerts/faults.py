"""The faults: context managers that break the service, and the alerts that each must raise."""

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.alerts.tasks import QUEUES, TaskWorker, fail_task, overdue_task
from harness.client import add_clip
from harness.origin import SAMPLES, Origin, answer
from harness.postgres import DATABASE, Postgres
from harness.service import Server
from library.audio.eviction import evict


class System(NamedTuple):
    """Everything that can be broken."""

    server: Server
    store: Path
    postgres: Postgres
    origin: Origin
    tasks: TaskWorker


class Fault(NamedTuple):
    """A fault, the alerts (with severities) that it raises, and those it mutes."""

    name: str
    inject: Callable[[System], AbstractContextManager[None]]
    raises: tuple[tuple[str, str], ...]
    mutes: tuple[str, ...] = ()


@contextmanager
def killed(system: System) -> Iterator[None]:
    system.server.kill()
    yield
    system.server.start()


@contextmanager
def workers_hang(system: System) -> Iterator[None]:
    """Suspend the workers, but not the metrics process."""
    workers = system.server.workers()
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    yield
    for worker in workers:
        os.kill(worker, signal.SIGCONT)


@contextmanager
def database_stopped(system: System) -> Iterator[None]:
    system.postgres.stop()
    yield
    system.postgres.start()


@contextmanager
def database_read_only(system: System) -> Iterator[None]:
    """Make the database reject writes, as after a fail-over to a standby."""
    _set_read_only(system, "on")
    yield
    _set_read_only(system, "off")


def _set_read_only(system: System, value: str) -> None:
    with system.postgres.connect("postgres") as connection:
        connection.execute(f"ALTER DATABASE {DATABASE} SET default_transaction_read_only = {value}")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [DATABASE]
        )


@contextmanager
def no_capacity(system: System) -> Iterator[None]:
    """Allow one stream at a time in each process, and hold it by a listener who does not read."""
    body = SAMPLES[0].read_bytes() * 20  # more than the kernel buffers for a listener
    system.origin.on("/long", answer(body))
    clip = add_clip(system.server.url, "A long clip", system.origin.url("/long"))
    system.server.stop()
    system.server.start(CLIPS_MAX_STREAMS="1", CLIPS_STALL_TIMEOUT="3600")
    with ExitStack() as held:
        for _ in range(20):  # until all processes have one; they refuse the others
            listener = held.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            listener.connect(("127.0.0.1", system.server.port))
            request = f"GET /api/v1/clips/{clip}/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            listener.sendall(request.encode())
            listener.recv(100)
        yield
    system.server.stop()
    system.server.start()


@contextmanager
def origin_slow(system: System) -> Iterator[None]:
    """Delay the first byte for longer than the objective allows."""
    system.origin.delay = 0.8
    with _store_kept_empty(system.store):
        yield
    system.origin.delay = 0


@contextmanager
def origin_failing(system: System) -> Iterator[None]:
    system.origin.failing = True
    with _store_kept_empty(system.store):
        yield
    system.origin.failing = False


@contextmanager
def _store_kept_empty(store: Path) -> Iterator[None]:
    """Empty the store again and again, so that every stream needs the origin."""
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
def disk_nearly_full(system: System) -> Iterator[None]:
    """Leave a twelfth of a small disk below the store free: enough for all clips."""
    with _small_disk(system, free=1 / 12):
        yield


@contextmanager
def disk_full(system: System) -> Iterator[None]:
    """Leave nothing of a small disk below the store free."""
    with _small_disk(system, free=0):
        yield


@contextmanager
def _small_disk(system: System, free: float) -> Iterator[None]:
    size, store = 64 << 20, system.store
    system.server.stop()
    shutil.rmtree(store, ignore_errors=True)
    store.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(store)]
    subprocess.run(mount, check=True)
    try:
        system.server.start()
        _fill(store, size * free)
        yield
    finally:
        system.server.stop()
        subprocess.run(["umount", str(store)], check=True)
    system.server.start()


def _fill(folder: Path, free: float) -> None:
    """Write until this number of bytes is free, while the service writes too."""
    with (folder / "filler").open("wb") as filler, suppress(OSError):
        while shutil.disk_usage(folder).free > free:
            filler.write(bytes(4096))
            filler.flush()


@contextmanager
def worker_killed(system: System) -> Iterator[None]:
    """Kill the worker of tasks while one waits."""
    system.tasks.kill()
    with overdue_task(system.postgres, QUEUES[0]):
        yield
    system.tasks.start()


@contextmanager
def queue_without_worker(system: System) -> Iterator[None]:
    with overdue_task(system.postgres, "audio"):
        yield


@contextmanager
def task_failing(system: System) -> Iterator[None]:
    fail_task(system.postgres)
    yield


def _both(alert: str) -> tuple[tuple[str, str], ...]:
    return (alert, "critical"), (alert, "warning")


FAULTS = (
    Fault("the service is killed", killed, (("ClipsDown", "critical"),)),
    Fault("its workers hang", workers_hang, (("ClipsDown", "critical"),)),
    Fault("the origin is slow, the store empty", origin_slow, _both("StreamStartsSlow")),
    Fault("the origin fails, the store empty", origin_failing, _both("OriginFailing")),
    Fault("every place for a stream is held", no_capacity, _both("StreamErrors")),
    Fault(
        "PostgreSQL is stopped",
        database_stopped,
        (("DatabaseDown", "critical"),),
        ("StreamErrors",),
    ),
    Fault(
        "the database is read-only",
        database_read_only,
        (("PlaysNotRecorded", "critical"),),
        ("StreamErrors",),
    ),
    Fault("no worker takes a queue", queue_without_worker, (("TasksWaiting", "warning"),)),
    Fault("a task fails", task_failing, (("TasksFailing", "warning"),)),
    Fault(
        "the worker of tasks is killed",
        worker_killed,
        (("NoWorker", "warning"),),
        ("TasksWaiting",),
    ),
    Fault("a twelfth of the disk is free", disk_nearly_full, (("AudioStoreFull", "warning"),)),
    Fault("the disk is full", disk_full, (("AudioStoreFull", "critical"),)),
)
