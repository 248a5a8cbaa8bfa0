"""A worker of tasks, and the faults of the queue."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from harness.installation import Installation
from harness.postgres import Postgres
from harness.service import ROOT

QUEUES = ("sources", "maintenance")  # another queue has tasks that wait
OVERDUE = "20 min"  # the limit of TasksWaiting is 15 minutes, by the queue's own clock
_PUT = """
INSERT INTO procrastinate_jobs (queue_name, task_name, priority, args, attempts)
VALUES (%s, %s, 0, '{}', %s) RETURNING id
"""


class TaskWorker:
    """A running `manage.py worker`, which can be killed and started again."""

    def __init__(self, installation: Installation) -> None:
        self._environment = os.environ | installation.environment
        self._log = (installation.folder / "tasks.log").open("ab")
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "worker", "--queues", *QUEUES],
            cwd=ROOT,
            env=self._environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._log.close()


@contextmanager
def overdue_task(postgres: Postgres, queue: str) -> Iterator[None]:
    """Put a task into the queue as if twenty minutes ago, and take it out again."""
    with postgres.connect() as connection:
        pk = _put(connection, queue, "purge_requests", 0)
        connection.execute(
            f"UPDATE procrastinate_events SET at = at - interval '{OVERDUE}' WHERE job_id = %s",
            [pk],
        )
        yield
        connection.execute("DELETE FROM procrastinate_jobs WHERE id = %s", [pk])


def fail_task(postgres: Postgres) -> None:
    """Let a task fail in its last attempt: its arguments are missing."""
    with postgres.connect() as connection:
        _put(connection, "maintenance", "purge_requests", 4)


def _put(connection: Any, queue: str, task: str, attempts: int) -> int:
    (pk,) = connection.execute(_PUT, [queue, task, attempts]).fetchone()
    return int(pk)
