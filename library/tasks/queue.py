"""How a module declares its tasks, and puts them into the queue, which is in PostgreSQL.

    @task(AUDIO)
    def analyse(context: JobContext, clip_id: int) -> None: ...

    defer(analyse, clip_id=5)  # soon
    defer_many(analyse, [{"clip_id": 5}, ...], queue=BACKFILL)  # when nothing else waits

List the module in PROCRASTINATE_IMPORT_PATHS, so that workers know its tasks. A worker executes
each task in a thread. Put work that takes much CPU into a subprocess, and end it with the worker.

A task may be executed twice: its worker can be killed after the work and before the result is
saved, or be frozen for so long that another one starts again. So each task is idempotent. A task
that takes long looks at `context.should_abort()`, and raises JobAborted to run again later.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
from django.db import connection
from procrastinate.contrib.django import app

from library.tasks.retries import BackOff

SOURCES, MAINTENANCE = "sources", "maintenance"
AUDIO = "audio"  # work on single clips that users wait for
BACKFILL = "backfill"  # the same work for many clips. Workers take it last, and no alert counts it
LAST = -10  # the priority of a backfill
# Queues whose tasks take long. A worker keeps one of its places free of them.
LONG = frozenset((SOURCES, BACKFILL))

# A task that waits in the backfill is moved to another queue, but not back.
_DEFER = """
INSERT INTO procrastinate_jobs (task_name, queue_name, priority, lock, queueing_lock, args)
SELECT %(task)s, %(queue)s, %(priority)s, key, key, args::jsonb
FROM unnest(%(keys)s::text[], %(arguments)s::text[]) AS job (key, args)
ON CONFLICT (queueing_lock) WHERE status = 'todo' DO UPDATE
SET queue_name = excluded.queue_name, priority = excluded.priority
WHERE procrastinate_jobs.priority < excluded.priority
"""


def task(queue: str, **locks: str) -> Callable[[Callable[..., Any]], Any]:
    """Declare a function as a task. Its name in the queue is the function's.

    Its first argument is procrastinate's JobContext; the others are keywords with values of JSON.
    If it raises, it is tried up to four times more.
    """

    def declare(function: Callable[..., Any]) -> Any:
        options: Any = {"queue": queue, "priority": _priority(queue), **locks}
        name = function.__name__
        return app.task(name=name, retry=BackOff(), pass_context=True, **options)(function)

    return declare


def periodic(cron: str, queue: str) -> Callable[[Callable[..., Any]], Any]:
    """Declare a function as a task that runs at the times of the cron expression, in UTC.

    Its arguments are the JobContext and `timestamp`, when it was due. It neither waits twice nor
    runs twice at once.
    """

    def declare(function: Callable[..., Any]) -> Any:
        name = function.__name__
        declared = task(queue, lock=name, queueing_lock=name)(function)
        return app.periodic(cron=cron)(declared)

    return declare


def defer(declared: Any, *, queue: str = "", **arguments: Any) -> bool:
    """Put a task into its queue, or another one, in the current transaction of this thread.

    Return False if it waits already, with the same arguments. If it runs, it waits to run again
    afterwards, so no change of what it works on is missed.

    One statement; do not call it in the event loop. Raises django.db.Error.
    """
    return defer_many(declared, [arguments], queue=queue) == 1


def defer_many(declared: Any, arguments: Iterable[Mapping[str, Any]], *, queue: str = "") -> int:
    """Do the same for each of the arguments, in one statement; return how many did not wait yet.

    A task that waits in the backfill counts as well if this moves it to another queue.
    """
    queue = queue or declared.queue
    texts = [orjson.dumps(each, option=orjson.OPT_SORT_KEYS).decode() for each in arguments]
    by_key = {f"{declared.name} {text}": text for text in texts}
    if not by_key:
        return 0
    values = {
        "task": declared.name,
        "queue": queue,
        "priority": _priority(queue),
        "keys": [*by_key],
        "arguments": [*by_key.values()],
    }
    with connection.cursor() as cursor:
        cursor.execute(_DEFER, values)
        number: int = cursor.rowcount
    return number


def _priority(queue: str) -> int:
    return LAST if queue == BACKFILL else 0
