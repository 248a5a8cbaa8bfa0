"""Where the workers keep what they count: files of Prometheus' client, one set for each slot.

A worker counts under the number of a slot instead of its process id. Its successor takes the slot
and counts on in the same files, so however often workers end, be they killed, no count is lost and
no file is left over. gunicorn's master gives the slots out; while it reloads, old and new workers
run side by side, each in a slot of its own. Streams that a killed worker was sending are counted by
the master.

gunicorn reads its configuration anew when it reloads; this module is imported once, and keeps.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Collection
from itertools import count
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "clips-metrics-"
LOCK = "lock"


def _is_left_over(folder: Path) -> bool:
    """Whether it is a folder of ours whose server, workers included, has ended without removing it.

    All of them hold its lock: they were forked with the open file.
    """
    with contextlib.suppress(OSError):
        status = folder.lstat()
        if status.st_uid == os.geteuid() and not folder.is_symlink():
            with (folder / LOCK).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
    return False


def _make_folder() -> Path:
    """A folder of this server alone: counters of an earlier one would be added to ours."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if _is_left_over(folder):
            shutil.rmtree(folder, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    descriptor = os.open(folder / "unlocked", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)  # until the last process ends
    (folder / "unlocked").rename(folder / LOCK)
    return folder


FOLDER = _make_folder()
# The client looks for it when it is first imported, so what follows comes after it.
os.environ[VARIABLE] = str(FOLDER)

from prometheus_client import multiprocess, values  # noqa: E402

from clips_site.server.metrics.values import Slot, Value, add_in, numbers_in  # noqa: E402

_slot = Slot(FOLDER)
Value.slot = _slot
values.ValueClass = Value


def free(taken: Collection[int]) -> int:
    """The lowest slot that no worker has, ready for a new one."""
    slot = next(number for number in count() if number not in taken)
    vacate(slot)  # a fork may have failed
    return slot


def take(slot: int) -> None:
    """Count in this slot from now on."""
    _slot.take(str(slot))


def vacate(slot: int) -> None:
    """Its worker has ended: what it had in progress is no more. Its counters stay.

    Streams that it has left are counted as broken off. Its successor is not there yet, so nobody
    else writes there. Here the names alone are known: the master must not import what counts, or
    a reload would go on with the code of before.
    """
    in_progress = numbers_in(FOLDER / f"gauge_livesum_{slot}.db", "clips_streams_in_progress")
    if (left := sum(number.value for number in in_progress)) > 0:
        counters = FOLDER / f"counter_{slot}.db"
        for number in numbers_in(counters, "clips_streams_finished_total", outcome="error"):
            add_in(counters, number, left)
    multiprocess.mark_process_dead(slot)  # type: ignore[no-untyped-call]


def remove() -> None:
    """Leave nothing behind."""
    shutil.rmtree(FOLDER, ignore_errors=True)
