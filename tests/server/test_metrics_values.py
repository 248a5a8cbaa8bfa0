"""The files in which workers count, and a successor's use of its predecessor's files."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.multiprocess import MultiProcessCollector

from clips_site.server.metrics.slot_files import BLOCK, add_to_number, find_number
from clips_site.server.metrics.values import Slot, Value
from harness.service import ROOT
from library.probes.exposition import WorkerMetrics


@pytest.fixture
def slot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slot:
    """The slot of this process, which has no files yet."""
    slot = Slot(tmp_path)
    monkeypatch.setattr(Value, "slot", slot, raising=False)
    return slot


def counter(name: str) -> Value:
    return Value("counter", name, f"{name}_total", ("of",), ("this",), "What it counts.")


def totals(folder: Path) -> dict[str, float]:
    """Return the numbers that Prometheus gets, by name."""
    metrics = WorkerMetrics(str(folder)).collect()
    return {sample.name: sample.value for metric in metrics for sample in metric.samples}


def test_successor_continues_the_counts_of_its_predecessor(slot: Slot, tmp_path: Path) -> None:
    slot.use("0")
    counter("heard").inc(3)
    slot.use("0")
    counter("heard").inc(1)
    counter("new").inc(1)
    assert totals(tmp_path) == {"heard_total": 4, "new_total": 1}


def test_number_of_a_killed_process_can_be_increased(slot: Slot, tmp_path: Path) -> None:
    slot.use("0")
    for name in ("other", "heard"):
        counter(name).inc(3)
    file = tmp_path / "counter_0.db"
    number = find_number(file, "heard_total", of="this")
    assert number is not None
    add_to_number(file, number, 2)
    assert totals(tmp_path) == {"other_total": 3, "heard_total": 5}


def test_file_without_numbers_has_no_number_to_find(tmp_path: Path) -> None:
    (tmp_path / "counter_0.db").touch()
    assert find_number(tmp_path / "counter_0.db", "heard_total") is None
    assert find_number(tmp_path / "counter_1.db", "heard_total") is None


def test_instrument_made_before_the_fork_counts_in_the_slot_of_the_worker(
    slot: Slot, tmp_path: Path
) -> None:
    early = counter("early")
    early.inc(5)  # in the master, where nothing reads it
    assert list(tmp_path.iterdir()) == []
    for name in ("0", "1", "0"):
        slot.use(name)
        early.inc(1)
    assert totals(tmp_path) == {"early_total": 3}


def test_file_grows_and_keeps_its_numbers(slot: Slot, tmp_path: Path) -> None:
    slot.use("0")
    first = counter("first")
    first.inc(1)
    many = [counter(f"c{number:0200}") for number in range(2 * BLOCK // 500)]
    for value in (first, *many):
        value.inc(1)
    shown = totals(tmp_path)
    assert (tmp_path / "counter_0.db").stat().st_size > BLOCK
    assert shown.pop("first_total") == 2
    assert set(shown.values()) == {1}
    assert len(shown) == len(many)


def test_unfinished_entry_of_a_killed_process_is_overwritten(slot: Slot, tmp_path: Path) -> None:
    slot.use("0")
    counter("whole").inc(2)
    path = tmp_path / "counter_0.db"
    used = int.from_bytes(path.read_bytes()[:4], "little")
    with path.open("r+b") as file:
        file.seek(used)
        file.write(b"\x40\0\0\0half a key")
    assert totals(tmp_path) == {"whole_total": 2}
    slot.use("0")
    counter("next").inc(1)
    assert totals(tmp_path) == {"whole_total": 2, "next_total": 1}


def test_empty_file_is_skipped(slot: Slot, tmp_path: Path) -> None:
    slot.use("0")
    counter("here").inc(1)
    (tmp_path / "counter_1.db").touch()
    assert totals(tmp_path) == {"here_total": 1}


def test_prometheus_client_reads_the_same_numbers(slot: Slot, tmp_path: Path) -> None:
    slot.use("0")
    counter("a" * 61).inc(0.5)
    (metric,) = MultiProcessCollector.merge([str(tmp_path / "counter_0.db")])  # type: ignore[no-untyped-call]
    (sample,) = metric.samples
    assert (sample.labels, sample.value) == ({"of": "this"}, 0.5)


def test_full_disk_loses_counts_but_raises_nothing(
    slot: Slot, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (BLOCK - 1, before[1]))
    try:
        slot.use("0")
        value = counter("somewhere")
        value.inc(1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert value.get() == 1
    assert totals(tmp_path) == {}
    assert "Metrics cannot be kept" in caplog.text


@pytest.mark.processes
def test_next_server_removes_the_folder_of_a_killed_one(tmp_path: Path) -> None:
    def start() -> tuple[subprocess.Popen[str], Path]:
        code = (
            "from clips_site.server.metrics import slots; print(slots.FOLDER, flush=True); input()"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    killed, left_over = start()
    lives, kept = start()
    assert left_over.is_dir()  # in use
    killed.kill()
    killed.communicate()
    last, _ = start()
    assert not left_over.exists()
    assert kept.is_dir()
    for process in (lives, last):
        process.communicate("\n")
