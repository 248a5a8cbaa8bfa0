"""The files that workers count in: taken up by a successor, whatever its predecessor left there."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.multiprocess import MultiProcessCollector

from clips_site.server.metrics.values import BLOCK, Slot, Value, add_in, numbers_in
from harness.service import ROOT
from library.probes.worker_metrics import WorkerMetrics


@pytest.fixture
def slot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slot:
    """The process's slot; it has not taken one yet."""
    slot = Slot(tmp_path)
    monkeypatch.setattr(Value, "slot", slot, raising=False)
    return slot


def counter(name: str) -> Value:
    return Value("counter", name, f"{name}_total", ("of",), ("this",), "What it counts.")


def told(folder: Path) -> dict[str, float]:
    """What Prometheus is told, by the series' names."""
    metrics = WorkerMetrics(str(folder)).collect()
    return {sample.name: sample.value for metric in metrics for sample in metric.samples}


def test_successor_goes_on_where_its_predecessor_ended(slot: Slot, tmp_path: Path) -> None:
    slot.take("0")
    counter("heard").inc(3)
    slot.take("0")
    counter("heard").inc(1)
    counter("new").inc(1)
    assert told(tmp_path) == {"heard_total": 4, "new_total": 1}


def test_what_a_killed_process_left_is_counted_in_its_place(slot: Slot, tmp_path: Path) -> None:
    slot.take("0")
    for name in ("other", "heard"):
        counter(name).inc(3)
    (number,) = numbers_in(tmp_path / "counter_0.db", "heard_total", of="this")
    add_in(tmp_path / "counter_0.db", number, 2)
    assert told(tmp_path) == {"other_total": 3, "heard_total": 5}


def test_process_killed_before_it_counted_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "counter_0.db").touch()
    assert [*numbers_in(tmp_path / "counter_0.db", "heard_total")] == []
    assert [*numbers_in(tmp_path / "counter_1.db", "heard_total")] == []


def test_what_is_there_before_the_fork_counts_in_the_slot_that_is_taken(
    slot: Slot, tmp_path: Path
) -> None:
    early = counter("early")
    early.inc(5)  # in the master, where nobody reads
    assert list(tmp_path.iterdir()) == []
    for name in ("0", "1", "0"):
        slot.take(name)
        early.inc(1)
    assert told(tmp_path) == {"early_total": 3}


def test_numbers_beyond_the_file_s_size_keep_what_came_before(slot: Slot, tmp_path: Path) -> None:
    slot.take("0")
    first = counter("first")
    first.inc(1)
    many = [counter(f"c{number:0200}") for number in range(2 * BLOCK // 500)]
    for value in (first, *many):
        value.inc(1)
    shown = told(tmp_path)
    assert (tmp_path / "counter_0.db").stat().st_size > BLOCK
    assert shown.pop("first_total") == 2
    assert set(shown.values()) == {1}
    assert len(shown) == len(many)


def test_entry_that_was_being_written_when_its_process_was_killed_is_written_anew(
    slot: Slot, tmp_path: Path
) -> None:
    slot.take("0")
    counter("whole").inc(2)
    path = tmp_path / "counter_0.db"
    used = int.from_bytes(path.read_bytes()[:4], "little")
    with path.open("r+b") as file:
        file.seek(used)
        file.write(b"\x40\0\0\0half a key")
    assert told(tmp_path) == {"whole_total": 2}
    slot.take("0")
    counter("next").inc(1)
    assert told(tmp_path) == {"whole_total": 2, "next_total": 1}


def test_file_that_has_only_just_been_made_is_passed_over(slot: Slot, tmp_path: Path) -> None:
    slot.take("0")
    counter("here").inc(1)
    (tmp_path / "counter_1.db").touch()
    assert told(tmp_path) == {"here_total": 1}


def test_client_s_own_reader_and_ours_agree(slot: Slot, tmp_path: Path) -> None:
    slot.take("0")
    counter("a" * 61).inc(0.5)
    (metric,) = MultiProcessCollector.merge([str(tmp_path / "counter_0.db")])  # type: ignore[no-untyped-call]
    (sample,) = metric.samples
    assert (sample.labels, sample.value) == ({"of": "this"}, 0.5)


def test_disk_without_room_leaves_things_uncounted_and_undisturbed(
    slot: Slot, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (BLOCK - 1, before[1]))
    try:
        slot.take("0")
        value = counter("somewhere")
        value.inc(1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert value.get() == 1
    assert told(tmp_path) == {}
    assert "Metrics cannot be kept" in caplog.text


@pytest.mark.processes
def test_folder_of_a_server_that_was_killed_is_removed_by_the_next(tmp_path: Path) -> None:
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
    assert left_over.is_dir()  # while it is used
    killed.kill()
    killed.communicate()
    last, _ = start()
    assert not left_over.exists()
    assert kept.is_dir()
    for process in (lives, last):
        process.communicate("\n")
