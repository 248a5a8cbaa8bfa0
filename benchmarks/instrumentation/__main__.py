"""Measure the cost of metrics and logging: `python -m benchmarks.instrumentation [--write]`.

Requests pass through all of Django in this process as gunicorn sends them, with and without metrics
(gunicorn's hooks, the HTTP middleware, the database's cursors, the stream's meter) and with and
without the log (the request's ID and trace, its notes, its line, written to a pipe), in random
order. The tables show medians of this thread's CPU time, and the time of each part where it runs:
since the last request the processor has evicted the part from its caches. The exit status is 1 if
everything together costs more than 60 µs. The benchmark creates a database on the embedded
PostgreSQL and drops it.
"""

import os
import random
import statistics
import sys
import time
from argparse import ArgumentParser
from importlib import import_module

from benchmarks import database
from benchmarks.results import today, write_section

database.configure(CLIPS_THROTTLE_READS="1000000000")

from clips_site.server.metrics import slots  # noqa: E402

slots.use(0)  # before anything counts
import_module("clips_site.wsgi")  # loads everything that the service loads, in its order

from django.core.management import call_command  # noqa: E402
from django.db.backends.postgresql.base import Cursor  # noqa: E402
from tqdm import trange  # noqa: E402

from benchmarks.instrumentation.application import (  # noqa: E402
    LOG,
    METRICS,
    Application,
    measured_cursor,
    piped_stderr,
    use_cursors_of_application,
)
from benchmarks.instrumentation.stopwatch import (  # noqa: E402
    TIMED,
    TIMED_NOTHING,
    WATCH,
    NoMeter,
    layered_cursor,
    timed_cursor,
    timed_meter,
)
from library.telemetry.instruments import StreamMeter  # noqa: E402

PATHS = {
    "a health check": "/livez",
    "a clip": "/api/v1/clips/1",
    "a stream from further in": "/api/v1/clips/1/stream#bytes=100000-",  # not a play
    "a stream, its play recorded": "/api/v1/clips/1/stream",
}
PARTS = ("hooks", "middleware", "statements", "stream", "request id, notes", "line")
LIMIT = 60.0  # microseconds
WARM_UP = 100  # requests
SECTION = """\
## Cost of metrics and logging

`python -m benchmarks.instrumentation`, {date}, {load}. CPU time of the thread that
answers, from the request to the end of its body, in one process; medians of {rounds:,} rounds of
four requests in random order: without either, with metrics (gunicorn's hooks, the HTTP middleware,
the database's cursors, the stream's meter), with the log (the request's ID and trace, its notes,
its line in JSON, written to a pipe), and with both. A cost is the median difference between a
request and the plain request of its round.

{compared}

The time of each part where it runs, in µs; medians, minus the time that the same clock shows for
parts that do nothing. A loop would show a fraction of it: between two requests the processor evicts
the part from its caches.

{parts}"""


def compare(path: str, rounds: int) -> dict[str, float]:
    """Return the CPU time without either, and the costs of metrics, log and both, in µs."""
    measured = (StreamMeter, measured_cursor(Cursor))
    applications = {
        "without": Application([], NoMeter, Cursor),
        "metrics": Application(METRICS, *measured).with_hooks(),
        "log": Application(LOG, NoMeter, Cursor).with_log_lines(),
        "both": Application(LOG + METRICS, *measured).with_hooks().with_log_lines(),
    }
    took: dict[str, list[int]] = {name: [] for name in applications}
    order = list(applications)
    for turn in trange(rounds + WARM_UP, desc=path, unit="round"):
        random.shuffle(order)
        for name in order:
            began = time.thread_time_ns()
            applications[name].request(path)
            if turn >= WARM_UP:
                took[name].append(time.thread_time_ns() - began)
    without = took.pop("without")
    return {"without": _median(without)} | {
        name: _median([b - a for a, b in zip(without, times, strict=True)])
        for name, times in took.items()
    }


def each_part(path: str, rounds: int) -> dict[str, float]:
    """Return the time of each of PARTS in a request, in µs."""
    real = Application(TIMED, timed_meter(StreamMeter), timed_cursor(measured_cursor))
    real.with_hooks().with_log_lines()
    none = Application(TIMED_NOTHING, timed_meter(NoMeter), timed_cursor(layered_cursor))
    took: dict[Application, dict[str, list[int]]] = {}
    for application in (real, none):
        application.begin = WATCH.timed("hooks", application.begin)
        application.end = WATCH.timed("hooks", application.end)
        application.log = WATCH.timed("line", application.log)
        took[application] = {part: [] for part in PARTS}
    for turn in trange(rounds + WARM_UP, desc=f"{path}, part by part", unit="pair"):
        for application, times in took.items():
            WATCH.spent.clear()
            application.request(path)
            if turn >= WARM_UP:
                for part in PARTS:
                    times[part].append(WATCH.spent[part])
    return {part: _median(took[real][part]) - _median(took[none][part]) for part in PARTS}


def _median(nanoseconds: list[int]) -> float:
    return statistics.median(nanoseconds) / 1000


def main() -> int:
    """Measure, and print the section."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4000)
    parser.add_argument("--write", action="store_true", help="write the tables to RESULTS.md")
    options = parser.parse_args()
    compared = [
        "| request | without, µs | metrics cost, µs | the log costs, µs | both cost, µs |",
        "|---|---|---|---|---|",
    ]
    parts = [f"| request | {' | '.join(PARTS)} |", "|---" * (len(PARTS) + 1) + "|"]
    worst = 0.0
    use_cursors_of_application()
    try:
        call_command("prepare", verbosity=0)
        for name, path in PATHS.items():
            with piped_stderr():
                costs = compare(path, options.rounds)
                each = each_part(path, options.rounds // 4)
            compared.append(f"| {name} | {' | '.join(f'{cost:,.0f}' for cost in costs.values())} |")
            parts.append(f"| {name} | {' | '.join(f'{took:.1f}' for took in each.values())} |")
            worst = max(worst, costs["both"])
    finally:
        database.drop()
        slots.remove()
    text = SECTION.format(
        date=today(),
        load=f"load average {os.getloadavg()[0]:.1f}",
        rounds=options.rounds,
        compared="\n".join(compared),
        parts="\n".join(parts),
    )
    print(text)
    if options.write:
        write_section("instrumentation", text)
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
