"""Slots: where workers count, each in a set of prometheus-client's files.

A worker counts under the number of a slot instead of its process id. Its successor gets the same
slot and continues with the same files. So no count is lost and no file is left over, however often
workers end, even if they are killed. gunicorn's master assigns the slots; during a reload, old and
new workers run side by side, each in its own slot. The master also counts the streams that a killed
worker was sending.

gunicorn executes its configuration again at each reload; this module is imported only once and so
keeps its state.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Collection
from itertools import count
from pathlib import Path

PREFIX = "clips-metrics-"
LOCK = "lock"


def _is_left_over(folder: Path) -> bool:
    """Return whether the folder is ours and its server has ended without removing it.

    The master and all its workers hold the folder's lock: they inherit the open file.
    """
    with contextlib.suppress(OSError):
        status = folder.lstat()
        if status.st_uid == os.geteuid() and not folder.is_symlink():
            with (folder / LOCK).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
    return False


def _make_folder() -> Path:
    """Make a folder for this server: an earlier server's counters must not be added to its own."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if _is_left_over(folder):
            shutil.rmtree(folder, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    descriptor = os.open(folder / "unlocked", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)  # until the last process ends
    (folder / "unlocked").rename(folder / LOCK)
    return folder


FOLDER = _make_folder()
# prometheus-client reads the variable when it is first imported, so the imports below come later.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(FOLDER)

from prometheus_client import multiprocess, values  # noqa: E402

from clips_site.server.metrics.slot_files import add_to_number, find_number  # noqa: E402
from clips_site.server.metrics.values import Slot, Value  # noqa: E402

Value.slot = Slot(FOLDER)
values.ValueClass = Value


def assign(taken: Collection[int]) -> int:
    """Return the lowest slot that no worker has, ready for a new worker."""
    slot = next(number for number in count() if number not in taken)
    release(slot)  # its last worker may have died in the fork
    return slot


def use(slot: int) -> None:
    """Count in this slot from now on."""
    Value.slot.use(str(slot))


def release(slot: int) -> None:
    """Clear the gauges of a worker that has ended. Its counters stay.

    The streams that it was sending count as broken off. Nothing else writes to the files: the
    worker's successor has not started yet.
    """
    left = find_number(FOLDER / f"gauge_livesum_{slot}.db", "clips_streams_in_progress")
    if left is not None and left.value > 0:
        counters = FOLDER / f"counter_{slot}.db"
        broken_off = find_number(counters, "clips_streams_finished_total", outcome="error")
        if broken_off is not None:
            add_to_number(counters, broken_off, left.value)
    multiprocess.mark_process_dead(slot)  # type: ignore[no-untyped-call]


def remove() -> None:
    """Delete the folder."""
    shutil.rmtree(FOLDER, ignore_errors=True)
