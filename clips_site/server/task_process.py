"""The worker of tasks of `make run`: gunicorn's master forks it, and forks another if it ends.

As a fork it shares the memory of the application with the master and the workers, and takes a third
of the memory of `manage.py worker`. On a server, run that in a container of its own.
"""

import asyncio
import logging
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

FIRST_START = 2.0  # seconds after the service is ready, so that it does not slow the start
PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between two starts; doubled while it ends early
STABLE = 30.0  # seconds after which it has not ended early
GRACE = 2.0  # seconds that running tasks get when the service stops; they run again later
NAME = "clips-tasks"  # in `ps` and `top`, on Linux
LOWEST = 19  # priority of a process


class TaskProcess:
    """The worker of tasks, as the master sees it."""

    _pid: int | None = None
    _next_start = float("inf")
    _started = 0.0
    _pause = PAUSE

    def supervise(self, server: Any) -> None:
        """Start the process soon, and check it in each iteration of gunicorn's main loop.

        gunicorn has no hook for a child that is not a worker: see `metrics.supervisor`.
        """
        manage_workers = server.manage_workers
        self._next_start = time.monotonic() + FIRST_START

        def manage_workers_and_tasks() -> None:
            manage_workers()
            self._restart_if_ended(server)

        server.manage_workers = manage_workers_and_tasks

    def stop(self) -> None:
        """Stop the process, and wait for its end."""
        if self._pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGTERM)
            with suppress(ChildProcessError):
                os.waitpid(self._pid, 0)
        self._pid, self._next_start = None, float("inf")

    def _restart_if_ended(self, server: Any) -> None:
        now = time.monotonic()
        if self._pid is not None and self._has_ended(self._pid):
            self._pid = None
            logger.warning("The worker of tasks has ended and is started again")
            self._pause = PAUSE if now - self._started > STABLE else self._pause * 2
            self._pause = min(self._pause, LONGEST_PAUSE)
            self._next_start = now + self._pause
        if self._pid is None and now >= self._next_start:
            self._started = now
            self._pid = os.fork()
            if self._pid == 0:
                _work(server)

    @staticmethod
    def _has_ended(pid: int) -> bool:
        try:
            return os.waitpid(pid, os.WNOHANG) != (0, 0)
        except ChildProcessError:  # the master's handler has waited for it
            return True


def _work(server: Any) -> None:
    """Execute tasks in the forked child, and end it without the master's clean-up."""
    status = 1
    try:
        os.setsid()  # Ctrl-C is meant for the master, which stops this process
        _let_streams_go_first()
        with suppress(OSError):
            Path("/proc/self/comm").write_text(NAME)
        for number in server.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for listener in server.LISTENERS:
            listener.close()
        from clips_site.database.postgresql.sessions import sessions
        from library.tasks.worker import TaskWorker, Timing

        sessions.purpose = "worker"
        worker = TaskWorker(parent=os.getppid(), timing=Timing(grace=GRACE))
        asyncio.run(worker.run())
        status = 0
    except BaseException:
        logger.exception("The worker of tasks has failed")
    finally:
        sys.stderr.flush()
        os._exit(status)


def _let_streams_go_first() -> None:
    """Give this process and its decoders the lowest priority, beside the streams of this machine.

    Linux may schedule sessions as groups, which have a priority of their own (sched(7)).
    """
    os.nice(LOWEST)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(LOWEST))


task_process = TaskProcess()
