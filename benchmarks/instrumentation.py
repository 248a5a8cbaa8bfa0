"""What measuring costs a request: `python -m benchmarks.instrumentation [--write]`.

Requests go through all of Django in this process as gunicorn would send them: with and without
metrics (gunicorn's hooks, the HTTP middleware, the measured cursors of the database, the stream's
meter), with and without the log (the request's id and trace, what is noted, the line, written to a
pipe), in turns of random order; told are medians of this thread's CPU time. Then how long each part
takes in its place, where the processor has forgotten it since the last request. A database on the
embedded PostgreSQL is made and dropped again. Exit status 1 if all costs more than 60 µs.
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

from clips_site.server.metrics import slots  # noqa: E402

slots.use(0)  # before anything counts
import_module("clips_site.wsgi")  # all that the service loads, in its order

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.backends.postgresql.base import Cursor  # noqa: E402
from psycopg import connect  # noqa: E402
from psycopg.sql import SQL, Identifier  # noqa: E402
from tqdm import trange  # noqa: E402

from benchmarks.instrumented import (  # noqa: E402
    LOG,
    METRICS,
    TIMED,
    TIMED_NOTHING,
    WATCH,
    NoMeter,
    Way,
    layered_cursor,
    let_ways_choose_cursors,
    lines_read,
    measured_cursor,
    timed_cursor,
    timed_meter,
)
from benchmarks.results import write_section  # noqa: E402
from library.telemetry.instruments import StreamMeter  # noqa: E402

PATHS = {
    "a health check": "/livez",
    "a clip": "/api/v1/clips/1",
    "a stream from further in": "/api/v1/clips/1/stream#bytes=100000-",  # no play
    "a stream, its play recorded": "/api/v1/clips/1/stream",
}
PARTS = ("hooks", "middleware", "statements", "stream", "request id, notes", "line")
LIMIT = 60.0  # microseconds
WARM_UP = 100  # requests
SECTION = """\
## What measuring costs

`python -m benchmarks.instrumentation`, {date}, {load}. CPU time of the thread that
answers, from the request to the end of its body, in one process; medians of {rounds:,} rounds of
four requests in random order: without either, with metrics (gunicorn's hooks, the HTTP middleware,
the database's cursors, the stream's meter), with the log (the request's id and trace, what is noted
for its line, the line in JSON, written to a pipe), and with both. A cost is the median of what a
request differs by from the one without in its round.

{compared}

How long each part takes where it stands, in µs; medians, less what the same clock shows of parts
that do nothing. It is several times what a loop would show: since the last request the processor
has forgotten the part.

{parts}"""


def compare(path: str, rounds: int) -> dict[str, float]:
    """CPU time with neither, and what metrics, log and both add to it, in µs."""
    measured = (StreamMeter, measured_cursor(Cursor))
    ways = {
        "without": Way([], NoMeter, Cursor),
        "metrics": Way(METRICS, *measured).with_hooks(),
        "log": Way(LOG, NoMeter, Cursor).with_lines(),
        "both": Way(LOG + METRICS, *measured).with_hooks().with_lines(),
    }
    took: dict[str, list[int]] = {name: [] for name in ways}
    order = list(ways)
    for turn in trange(rounds + WARM_UP, desc=path, unit="round"):
        random.shuffle(order)
        for name in order:
            began = time.thread_time_ns()
            ways[name].ask(path)
            if turn >= WARM_UP:
                took[name].append(time.thread_time_ns() - began)
    without = took.pop("without")
    return {"without": _median(without)} | {
        name: _median([b - a for a, b in zip(without, times, strict=True)])
        for name, times in took.items()
    }


def each_part(path: str, rounds: int) -> dict[str, float]:
    """What each of PARTS takes of a request, in µs."""
    real = Way(TIMED, timed_meter(StreamMeter), timed_cursor(measured_cursor))
    real.with_hooks().with_lines()
    none = Way(TIMED_NOTHING, timed_meter(NoMeter), timed_cursor(layered_cursor))
    for way in (real, none):
        way.begin, way.end = WATCH.timed("hooks", way.begin), WATCH.timed("hooks", way.end)
        way.log = WATCH.timed("line", way.log)
    took: dict[Way, dict[str, list[int]]] = {way: {p: [] for p in PARTS} for way in (real, none)}
    for turn in trange(rounds + WARM_UP, desc=f"{path}, part by part", unit="pair"):
        for way, times in took.items():
            WATCH.spent.clear()
            way.ask(path)
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
    compared = [
        "| request | without, µs | metrics cost, µs | the log costs, µs | both cost, µs |",
        "|---|---|---|---|---|",
    ]
    parts = [f"| request | {' | '.join(PARTS)} |", "|---" * (len(PARTS) + 1) + "|"]
    worst = 0.0
    let_ways_choose_cursors()
    try:
        call_command("prepare", verbosity=0)
        for name, path in PATHS.items():
            with lines_read():
                costs = compare(path, asked.rounds)
                each = each_part(path, asked.rounds // 4)
            compared.append(f"| {name} | {' | '.join(f'{cost:,.0f}' for cost in costs.values())} |")
            parts.append(f"| {name} | {' | '.join(f'{took:.1f}' for took in each.values())} |")
            worst = max(worst, costs["both"])
    finally:
        drop()
        slots.remove()
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
