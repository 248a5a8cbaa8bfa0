"""Jobs in the queue, and attempts that have ended, without a worker."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connection, connections
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.jobs import Job


def execute(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def defer(task: str, queue: str = "sources", **options: Any) -> int:
    job = app.configure_task(task, queue=queue, **options)
    pk: int = job.defer()
    return pk


def end(pk: int, status: str, seconds: float) -> None:
    """Let an attempt begin, and end after so many seconds."""
    execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE id = %s", pk)
    began = timezone.now() - timedelta(seconds=seconds)
    execute("UPDATE procrastinate_events SET at = %s WHERE job_id = %s", began, pk)
    execute(
        "UPDATE procrastinate_jobs SET status = %s::procrastinate_job_status WHERE id = %s",
        *(status, pk),
    )


def notice(look: Callable[[Any], Awaitable[int]]) -> int:
    """Look for work as a worker does. Return the number of new tasks.

    The connection is that of a thread which all tests of this process share, so it is closed: a
    test may end all connections.
    """

    async def look_and_close() -> int:
        async with app.open_async() as opened:
            try:
                return await look(opened.connector)
            finally:
                await sync_to_async(connections.close_all)()

    return asyncio.run(look_and_close())


class Context:
    """What a task may ask its worker."""

    def __init__(self, stopping: bool = False, queue: str = "audio", attempts: int = 0) -> None:
        """`attempts` have been made before."""
        self._stopping = stopping
        self.job = Job(
            id=1, queue=queue, lock=None, queueing_lock=None, task_name="", attempts=attempts
        )

    def should_abort(self) -> bool:
        return self._stopping
