"""What measuring costs a request: `python -m benchmarks.instrumentation [--write]`.

Requests go through all of Django in this process as gunicorn would send them, with and without
gunicorn's hooks, the HTTP middleware, the measured cursors of the database and the stream's meter,
in turns of random order; told are medians of this thread's CPU time. Then how long each part takes
in its place, where the processor has forgotten it since the last request. A database on the
embedded PostgreSQL is made and dropped again. Exit status 1 if measuring costs more than 60 µs.
"""

import os
import random
import statistics
import sys
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

DATABASE = f"clips_instrumentation_{os.getpid()}"
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "clips_site.settings",
    "CLIPS_THROTTLE_READS": "1000000000",
    "POSTGRES_DB": DATABASE,
    "POSTGRES_SERVER": "",
}

from clips_site import worker_slots  # noqa: E402

worker_slots.take(0)  # before anything counts
import_module("clips_site.wsgi")  # all that the service loads, in its order

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.backends.postgresql.base import Cursor  # noqa: E402
from psycopg import connect  # noqa: E402
from psycopg.sql import SQL, Identifier  # noqa: E402
from tqdm import trange  # noqa: E402

from benchmarks.instrumented import (  # noqa: E402
    METRICS,
    WATCH,
    NoMeter,
    Way,
    layered_cursor,
    let_ways_choose_cursors,
    measured_cursor,
    nothing,
    timed_cursor,
    timed_meter,
)
from benchmarks.results import write_section  # noqa: E402
from library.metrics import StreamMeter  # noqa: E402

PATHS = {
    "a health check": "/livez",
    "a clip": "/api/v1/clips/1",
    "a stream from further in": "/api/v1/clips/1/stream#bytes=100000-",  # no play
    "a stream, its play recorded": "/api/v1/clips/1/stream",
}
PARTS = ("hooks", "middleware", "statements", "stream")
LIMIT = 60.0  # microseconds
WARM_UP = 100  # requests
SECTION = """\
## What measuring costs

`python -m benchmarks.instrumentation`, {date}, {load}. CPU time of the thread that
answers, from the request to the end of its body, in one process; medians of {rounds:,} pairs, of
which one is measured (gunicorn's hooks, the HTTP middleware, the database's cursors, the stream's
meter) and the other is not, in random order. "Costs" is the median of what a pair differs by.

{compared}

How long each part takes where it stands, in µs; medians, less what the same clock shows of parts
that do nothing. It is several times what a loop would show: since the last request the processor
has forgotten the part.

{parts}"""


def compare(path: str, rounds: int) -> tuple[float, float, float]:
    """CPU time without and with measuring, and the median difference of a pair, in µs."""
    ways = {
        False: Way(None, NoMeter, Cursor),
        True: Way(METRICS, StreamMeter, measured_cursor(Cursor)),
    }
    took: dict[bool, list[int]] = {False: [], True: []}
    order = [False, True]
    for turn in trange(rounds + WARM_UP, desc=f"{path}, both ways", unit="pair"):
        random.shuffle(order)
        for measures in order:
            began = time.thread_time_ns()
            ways[measures].ask(path)
            if turn >= WARM_UP:
                took[measures].append(time.thread_time_ns() - began)
    differences = [b - a for a, b in zip(took[False], took[True], strict=True)]
    return _median(took[False]), _median(took[True]), _median(differences)


def each_part(path: str, rounds: int) -> dict[str, float]:
    """What each of PARTS takes of a request, in µs."""
    real = Way(
        "benchmarks.instrumented.timed_metrics",
        timed_meter(StreamMeter),
        timed_cursor(measured_cursor),
    )
    none = Way(
        "benchmarks.instrumented.timed_nothing", timed_meter(NoMeter), timed_cursor(layered_cursor)
    )
    none.begin = none.end = nothing
    for way in (real, none):
        way.begin, way.end = WATCH.timed("hooks", way.begin), WATCH.timed("hooks", way.end)
    took: dict[Way, dict[str, list[int]]] = {way: {p: [] for p in PARTS} for way in (real, none)}
    for turn in trange(rounds + WARM_UP, desc=f"{path}, part by part", unit="pair"):
        for way, times in took.items():
            WATCH.spent.clear()
            way.ask(path)
            WATCH.spent["middleware"] -= WATCH.spent["view"]
            WATCH.spent["statements"] -= WATCH.spent["PostgreSQL"]
            if turn >= WARM_UP:
                for part in PARTS:
                    times[part].append(WATCH.spent[part])
    return {part: _median(took[real][part]) - _median(took[none][part]) for part in PARTS}


def _median(nanoseconds: list[int]) -> float:
    return statistics.median(nanoseconds) / 1000


def main() -> int:
    """Measure, tell, drop the database."""
    options = ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=4000)
    options.add_argument("--write", action="store_true", help="write the tables to RESULTS.md")
    asked = options.parse_args()
    compared = ["| request | without, µs | with, µs | costs, µs |", "|---|---|---|---|"]
    parts = ["| request | hooks | middleware | statements | stream |", "|---|---|---|---|---|"]
    worst = 0.0
    let_ways_choose_cursors()
    try:
        call_command("prepare", verbosity=0)
        for name, path in PATHS.items():
            without, measured_, costs = compare(path, asked.rounds)
            compared.append(f"| {name} | {without:,.0f} | {measured_:,.0f} | {costs:.0f} |")
            cells = [f"{took:.1f}" for took in each_part(path, asked.rounds // 4).values()]
            parts.append(f"| {name} | {' | '.join(cells)} |")
            worst = max(worst, costs)
    finally:
        drop()
        worker_slots.remove()
    text = SECTION.format(
        date=datetime.now(UTC).date(),
        load=f"load average {os.getloadavg()[0]:.1f}",
        rounds=asked.rounds,
        compared="\n".join(compared),
        parts="\n".join(parts),
    )
    print(text)
    if asked.write:
        write_section("instrumentation", text)
    return int(worst > LIMIT)


def drop() -> None:
    """Drop the benchmark's database."""
    wrapper: Any = connection
    place: dict[str, Any] = wrapper.get_connection_params()
    wrapper.close_pool()
    with connect(
        host=place["host"], user=place["user"], dbname="postgres", autocommit=True
    ) as postgres:
        postgres.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(DATABASE)))


if __name__ == "__main__":
    sys.exit(main())
