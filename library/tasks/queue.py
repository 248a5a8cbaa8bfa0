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
from hashlib import sha256
from typing import Any

import orjson
from django.db import connection
from procrastinate.contrib.django import app

from library.tasks.retries import BackOff

SOURCES, MAINTENANCE = "sources", "maintenance"
AUDIO = "audio"  # work on single clips that users wait for
RENDITIONS = "renditions"  # such work that any client can request
DOWNLOADS = "downloads"  # of single clips' audio, before that work
WEBHOOKS = "webhooks"  # deliveries to receivers, which may be slow
BACKFILL = "backfill"  # the same work for many clips. Workers take it last, and no alert counts it
LAST = -10
# Of all others 0. Clients can cause many of these, from slow origins or of long audio.
PRIORITIES = {DOWNLOADS: -5, RENDITIONS: -5, BACKFILL: LAST}
# Queues whose tasks take long. A worker keeps one of its places free of them.
LONG = frozenset((SOURCES, DOWNLOADS, RENDITIONS, BACKFILL))
# Queues whose tasks only wait for others, and the places that a worker has for them alone: one for
# each webhook (MOST_WEBHOOKS), and some for tests and repetitions.
OWN_PLACES = {WEBHOOKS: 120}
LONGEST_KEY = 1_000  # bytes; an entry of an index has at most 2,704

# A task that waits in a queue of low priority is moved to a more urgent one, but not back.
_DEFER = """
INSERT INTO procrastinate_jobs (task_name, queue_name, priority, lock, queueing_lock, args)
SELECT %(task)s, %(queue)s, %(priority)s, lock, key, args::jsonb
FROM unnest(%(keys)s::text[], %(locks)s::text[], %(arguments)s::text[]) AS job (key, lock, args)
ON CONFLICT (queueing_lock) WHERE status = 'todo' DO UPDATE
SET queue_name = excluded.queue_name, priority = excluded.priority
WHERE procrastinate_jobs.priority < excluded.priority
"""
_DUE = """
SELECT count(*) FROM procrastinate_jobs
WHERE status = 'todo' AND priority = %(priority)s AND queue_name = %(queue)s
    AND (scheduled_at IS NULL OR scheduled_at <= now())
"""
_UNFINISHED = """
SELECT queueing_lock, queue_name FROM procrastinate_jobs
WHERE status = 'doing' AND lock = ANY(%(keys)s)
UNION ALL
SELECT queueing_lock, queue_name FROM procrastinate_jobs
WHERE status = 'todo' AND queueing_lock = ANY(%(keys)s)
"""


def task(queue: str, **locks: str) -> Callable[[Callable[..., Any]], Any]:
    """Declare a function as a task. Its name in the queue is the function's.

    Its first argument is procrastinate's JobContext; the others are keywords with values of JSON.
    If it raises, it is tried up to four times more.

    Tasks with the same lock do not run at once. `lock` may contain arguments, such as
    "clip {clip_id}"; by default it is the task with all of its arguments.
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

    A task that waits in a queue of lower priority counts as well, because this moves it.
    """
    queue = queue or declared.queue
    jobs = {}  # arguments and lock by key
    for each in arguments:
        text = _text(each)
        key = _key(declared, text)
        jobs[key] = text, declared.lock.format_map(each) if declared.lock else key
    if not jobs:
        return 0
    values = {
        "task": declared.name,
        "queue": queue,
        "priority": _priority(queue),
        "keys": [*jobs],
        "locks": [lock for _, lock in jobs.values()],
        "arguments": [text for text, _ in jobs.values()],
    }
    with connection.cursor() as cursor:
        cursor.execute(_DEFER, values)
        number: int = cursor.rowcount
    return number


def number_due(queue: str) -> int:
    """Return how many tasks of a queue wait for a worker, and not for their next attempt."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"queue": queue, "priority": _priority(queue)})
        number: int = cursor.fetchone()[0]
    return number


def queues_of(declared: Any, arguments: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the queue in which a task waits or runs, for each of the arguments; "" for none."""
    keys = [_key(declared, _text(each)) for each in arguments]
    with connection.cursor() as cursor:
        cursor.execute(_UNFINISHED, {"keys": keys})
        found: dict[str, str] = dict(cursor.fetchall())
    return [found.get(key, "") for key in keys]


def _text(arguments: Mapping[str, Any]) -> str:
    return orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS).decode()


def _key(declared: Any, arguments: str) -> str:
    """Return what tasks have in common that are the same. It is indexed, so it is not long."""
    key = f"{declared.name} {arguments}"
    if len(key.encode()) > LONGEST_KEY:
        return f"{declared.name} {sha256(arguments.encode()).hexdigest()}"
    return key


def _priority(queue: str) -> int:
    return PRIORITIES.get(queue, 0)
