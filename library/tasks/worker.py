"""The worker: executes tasks until it is stopped, and survives the loss of PostgreSQL.

procrastinate's worker ends when its connection breaks for long. This one then starts another under
a new id, after a pause. Jobs that the previous one left unfinished are taken over, like those of a
worker that was killed.
"""

import asyncio
import logging
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

import psycopg
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, connections
from procrastinate import JobContext
from procrastinate.contrib.django import DjangoApp, app
from procrastinate.exceptions import ConnectorException
from procrastinate.middleware import AsyncCallNext, SyncCallNext
from procrastinate.worker import Worker

from library.tasks import new_clips, webhooks
from library.tasks.connector import Connector
from library.tasks.jobs import WorkerJobs
from library.tasks.places import Places
from library.tasks.queue import OWN_PLACES
from library.telemetry import task_context
from library.telemetry.task_context import TaskContext

logger = logging.getLogger(__name__)
database: Any = connection  # clips_site/database/postgresql/base.py

FORGOTTEN_AFTER = 3600.0  # seconds without a sign of life, after which a worker registers again
TICK = 2.0  # seconds
MARGIN = 3.0  # seconds to save results after the tasks have ended
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before it starts again; doubled while it fails
# Periodic tasks that were due within this time, in seconds, before a worker started are run.
MISSED = 24 * 3600
SEED = "SELECT library_seed_task_tallies(%s)"


@dataclass(frozen=True)
class Timing:
    """How soon a worker acts, in seconds."""

    poll: float = 5.0  # between two looks for tasks; PostgreSQL usually announces them at once
    heartbeat: float = 5.0  # between two signs of life
    stalled_after: float = 30.0  # without one, after which another worker takes over
    take_over_every: float = 10.0
    notice: float = 2.0  # between two looks for new clips and changes
    patience: float = 30.0  # that PostgreSQL may be away without any effect
    grace: float = 20.0  # that tasks get to finish when the worker is stopped
    abort: float = 5.0  # more, in which they are asked to stop


class _Worker(Worker):
    """procrastinate's worker. It stops when it is told to, and when its connections fail for long.

    It waits for its tasks without a limit, so `stopped` lets its caller set one.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stopped = asyncio.Event()

    def stop(self) -> None:
        super().stop()  # type: ignore[no-untyped-call]
        self.stopped.set()

    @property
    def running(self) -> int:
        """The number of tasks that run."""
        return len(self._running_jobs)

    def look_for_jobs(self) -> None:
        """Look for jobs now, as if one had been announced."""
        self._new_job_event.set()


class TaskWorker:
    """Executes tasks in threads of this process."""

    def __init__(
        self,
        queues: list[str] | None = None,
        concurrency: int | None = None,
        alive_file: Path | None = None,
        parent: int | None = None,
        timing: Timing | None = None,
    ) -> None:
        """Take tasks of some queues or all, `concurrency` or CLIPS_WORKER_CONCURRENCY at a time.

        Queues with places of their own do not count.
        `alive_file` is touched as long as the worker works; it stops if `parent` has ended.
        """
        self._queues = queues
        self._concurrency = concurrency or settings.CLIPS_WORKER_CONCURRENCY
        self._alive_file = alive_file
        self._parent = parent
        self._timing = timing or Timing()
        self._worker: _Worker | None = None
        self._stopping = asyncio.Event()
        self._was_up = True
        self._has_left_tasks = False

    async def run(self) -> None:
        """Execute tasks until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        # Tasks that the loss of PostgreSQL has interrupted may hold their threads for a while.
        threads = 2 * (self._concurrency + sum(OWN_PLACES.values())) + 4
        loop.set_default_executor(ThreadPoolExecutor(threads, "task"))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        ticking = loop.create_task(self._tick())
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                await self._execute_tasks()
            except Exception as error:
                self._report(error)
            if time.monotonic() - began > LONGEST_PAUSE:
                pause = FIRST_PAUSE
            try:
                await asyncio.wait_for(self._stopping.wait(), pause)
            except TimeoutError:
                pause = min(2 * pause, LONGEST_PAUSE)
        ticking.cancel()
        logger.info("The worker has stopped")
        if self._has_left_tasks:  # whose threads Python would wait for
            os._exit(0)

    def stop(self) -> None:
        """Take no more tasks. Those that run may finish, for a while; called again, at once."""
        if self._stopping.is_set():
            os._exit(1)
        self._stopping.set()
        # Whatever still blocks, such as a PostgreSQL that is frozen.
        limit = Timer(self._timing.grace + self._timing.abort + MARGIN, os._exit, [1])
        limit.daemon = True
        limit.start()
        if self._worker is not None:
            if number := self._worker.running:
                what = "1 task" if number == 1 else f"{number} tasks"
                logger.info("Waiting up to %.0f s for %s to finish", self._timing.grace, what)
            self._worker.stop()

    async def _execute_tasks(self) -> None:
        """Run procrastinate's worker until it ends. Raises the errors of PostgreSQL."""
        timing = self._timing
        parameters = await sync_to_async(self._prepare)()
        connector = Connector(kwargs=parameters, min_size=1, max_size=1, timeout=timing.patience)
        ours = DjangoApp(connector=connector, periodic_defaults={"max_delay": MISSED})
        # Tasks defer others with the connection of their thread, in its transaction.
        ours.tasks, ours.periodic_registry = app.tasks, app.periodic_registry
        queues = self._queues or sorted({task.queue for task in app.tasks.values()})
        places = Places(queues, self._concurrency)
        ours.job_manager = jobs = WorkerJobs(connector, places)
        async with ours.open_async():
            worker = _Worker(
                ours,
                queues=self._queues,
                concurrency=places.number,
                fetch_job_polling_interval=timing.poll,
                abort_job_polling_interval=timing.poll,
                shutdown_graceful_timeout=timing.grace,
                listen_notify=not database.pooled,
                install_signal_handlers=False,
                update_heartbeat_interval=timing.heartbeat,
                stalled_worker_timeout=FORGOTTEN_AFTER,
                worker_middleware=[_log(jobs)],
                task_middleware=[
                    *ours.worker_defaults["task_middleware"],
                    _disconnecting(self._concurrency),
                ],
            )
            others = [
                asyncio.create_task(self._take_over(jobs)),
                asyncio.create_task(self._notice_changes(connector)),
            ]
            jobs.on_free_place = worker.look_for_jobs
            self._worker = worker
            try:
                if not self._stopping.is_set():
                    await self._run_to_end(worker)
            finally:
                self._worker = None
                for other in others:
                    other.cancel()

    def _prepare(self) -> dict[str, Any]:
        """Return the parameters of connections, once PostgreSQL responds."""
        app.perform_import_paths()
        close_old_connections()
        with connection.cursor() as cursor:
            names = [name for name, task in app.tasks.items() if task.name == name]
            cursor.execute(SEED, [[name for name in names if ":" not in name]])
        if not self._was_up:
            logger.info("PostgreSQL responds again")
        self._was_up = True
        logger.info("The worker waits for tasks", extra={"queues": self._queues})
        parameters: dict[str, Any] = database.async_parameters("worker")
        return parameters

    def _report(self, error: Exception) -> None:
        """Log the first failure of a series, and each that PostgreSQL has not caused."""
        if not isinstance(error, psycopg.Error | DatabaseError | ConnectorException):
            logger.error("The worker has failed and starts again", exc_info=error)
        elif self._was_up:
            reason = error.__cause__ or error
            logger.warning("The worker starts again when PostgreSQL responds: %s", reason)
            self._was_up = False

    async def _notice_changes(self, connector: Connector) -> None:
        """Look for new clips, and for changes that webhooks have not got yet."""
        while True:
            await asyncio.sleep(self._timing.notice)
            try:
                await new_clips.request_analyses(connector)
                await webhooks.request_deliveries(connector)
            except Exception as error:
                logger.info("Changes could not be looked for: %r", error)

    async def _take_over(self, jobs: WorkerJobs) -> None:
        """Look for jobs of dead workers.

        After PostgreSQL was away, the other workers get the time to report that they live.
        """
        pause = self._timing.take_over_every
        while True:
            await asyncio.sleep(pause)
            pause = self._timing.take_over_every
            try:
                await jobs.take_over(self._timing.stalled_after)
            except Exception as error:
                pause = self._timing.stalled_after
                logger.info("Jobs of dead workers could not be looked for: %r", error)

    async def _tick(self) -> None:
        """Show that this process works. Stop it if its parent has ended."""
        cleaning: asyncio.Task[None] | None = None
        while True:
            if self._alive_file is not None:
                self._alive_file.touch()
            if self._parent is not None and os.getppid() != self._parent:
                self._parent = None
                self.stop()
            if cleaning is None or cleaning.done():
                # Of the thread that puts periodic tasks into the queue. It may wait for PostgreSQL.
                cleaning = asyncio.create_task(sync_to_async(connections.close_all)())
            await asyncio.sleep(TICK)

    async def _run_to_end(self, worker: _Worker) -> None:
        """Run the worker. Once it has stopped, leave behind the tasks that do not end in time."""
        running = asyncio.create_task(worker.run())  # type: ignore[no-untyped-call]
        stopped = asyncio.create_task(worker.stopped.wait())
        await asyncio.wait((running, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        await asyncio.wait([running], timeout=self._timing.grace + self._timing.abort)
        if running.done():
            running.result()
            return
        # Threads cannot be ended. Whatever they still do, their result does not count.
        logger.warning("Tasks that have not finished in time will run again")
        self._has_left_tasks = True
        if worker.worker_id is not None:
            await worker.app.job_manager.unregister_worker(worker.worker_id)


def _disconnecting(most: int) -> Any:
    """Return a middleware that closes the connection of a task's thread, unless few keep theirs.

    There are many more threads than tasks at a time, and connecting takes longer than most tasks.
    """
    keepers: set[int] = set()  # threads
    lock = threading.Lock()

    def disconnect(call_next: SyncCallNext, context: JobContext, worker: Worker) -> Any:
        try:
            return call_next()
        finally:
            thread = threading.get_ident()
            with lock:
                is_usual = context.job.queue not in OWN_PLACES
                keeps = is_usual and (thread in keepers or len(keepers) < most)
                (keepers.add if keeps else keepers.discard)(thread)
            if not keeps:
                connections.close_all()

    return disconnect


def _log(jobs: WorkerJobs) -> Any:
    """Return a middleware that logs each task, and keeps its error for the result."""

    async def execute(call_next: AsyncCallNext, context: JobContext, worker: Worker) -> Any:
        job = context.job
        task_context.current.set(TaskContext(job.task_name, job.id or 0))
        began = time.monotonic()
        try:
            result = await call_next()
        except BaseException as error:
            jobs.errors[job.id or 0] = error
            raise
        facts = {"duration": round(time.monotonic() - began, 3), "attempt": job.attempts + 1}
        logger.info("Task %s has finished", job.task_name, extra=facts)
        return result

    return execute
