"""Fixtures: real workers in processes of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from harness.service import ROOT
from harness.waiting import until
from library.models import Task
from tests.tasks.samples import QUEUE, note


class WorkerProcess:
    """A running worker whose intervals are short."""

    def __init__(self, log: Path, grace: float, queues: tuple[str, ...]) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.tasks.quick_worker", str(grace), *queues],
                cwd=ROOT,
                env={
                    **os.environ,
                    "DJANGO_SETTINGS_MODULE": "clips_site.settings",
                    "POSTGRES_DB": connection.settings_dict["NAME"],
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def await_start(self) -> None:
        until(lambda: "The worker waits for tasks" in self.log)

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and return the exit status."""
        if self._process.poll() is None:
            self.send(signal.SIGCONT)
            self.send(number)
        return self.wait()

    def wait(self) -> int:
        """Return the exit status."""
        return self._process.wait(timeout=30)


@pytest.fixture
def start_workers(
    transactional_db: None, tmp_path: Path
) -> Iterator[Callable[..., list[WorkerProcess]]]:
    """Start workers at the same time; they are killed at the end of the test."""
    started: list[WorkerProcess] = []

    def start(
        number: int, grace: float = 20, queues: tuple[str, ...] = (QUEUE,)
    ) -> list[WorkerProcess]:
        before = len(started)
        for place in range(before, before + number):
            started.append(WorkerProcess(tmp_path / f"worker{place}.log", grace, queues))
        for worker in started[before:]:
            worker.await_start()
        return started[before:]

    yield start
    for worker in started:
        worker.end(signal.SIGKILL)


@pytest.fixture
def start_worker(
    start_workers: Callable[..., list[WorkerProcess]],
) -> Callable[..., WorkerProcess]:
    """Start a worker; it is killed at the end of the test."""
    return lambda **options: start_workers(1, **options)[0]


class Noted:
    """A job of the task `note`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.pk = note.defer(folder=str(folder))

    def let_finish(self) -> None:
        (self._folder / "go").touch()

    def processes(self, name: str) -> list[int]:
        """Return the processes in which it has `began` or `ended`."""
        file = self._folder / name
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    @property
    def row(self) -> Task:
        return Task.objects.get(pk=self.pk)

    def await_status(self, status: str) -> None:
        until(lambda: self.row.status == status)


@pytest.fixture
def job(transactional_db: None, tmp_path: Path) -> Noted:
    """A job that waits in the queue. It runs until the test lets it finish."""
    return Noted(tmp_path)
