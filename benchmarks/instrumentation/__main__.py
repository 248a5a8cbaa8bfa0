"""Measure the cost of metrics and logging: `python -m benchmarks.instrumentation [--write]`.

The front of a worker answers a client in this process: with and without metrics (requests in
progress, counts and times of requests, the stream's meter), and with and without the line in the
log, written to a pipe. The four ways take turns in random order. The table shows medians of this
process's CPU time. Between two requests the processor evicts the code and its data from its caches,
so a busy worker needs less. The exit status is 1 if everything together costs more than 60 µs. The
benchmark creates a database on the embedded PostgreSQL and drops it.
"""

import asyncio
import os
import random
import statistics
import subprocess
import sys
import time
from argparse import ArgumentParser
from importlib import import_module

from benchmarks import database
from benchmarks.results import today, write_section

database.configure(CLIPS_THROTTLE="off")

from clips_site.server.metrics import slots  # noqa: E402

slots.use(0)  # before anything counts
application = import_module("clips_site.wsgi").application  # loads everything, in its order

from django.core.management import call_command  # noqa: E402
from tqdm import trange  # noqa: E402

from benchmarks.instrumentation.measured import MeasuredHandler, piped_stderr  # noqa: E402
from clips_site.server.front.client_counts import counted_client, counts  # noqa: E402
from clips_site.server.front.connection import Front  # noqa: E402
from clips_site.server.front.places import Patience, Places  # noqa: E402
from library.plays.outcomes import outcome_writer  # noqa: E402

PATHS = {
    "a health check": "/livez",
    "a clip": "/api/v1/clips/1",
    "a stream from further in": "/api/v1/clips/1/stream#bytes=100000-",  # not a play
    "a stream, its play recorded": "/api/v1/clips/1/stream",
}
WAYS = {"without": (False, False), "metrics": (True, False), "log": (False, True)}
WAYS["both"] = True, True
LIMIT = 60.0  # microseconds
WARM_UP = 100  # requests
SECTION = """\
## Cost of metrics and logging

`python -m benchmarks.instrumentation`, {date}, load average {load:.1f}. CPU time of a process with
the front of a worker, from the request to the end of its body; medians of {rounds:,} rounds of four
requests in random order: without either, with metrics (requests in progress, counts and times, the
stream's meter), with the log (its line in JSON, written to a pipe), and with both. A cost is the
median difference between a request and the plain request of its round.

{table}"""


async def compare(path: str, rounds: int) -> list[float]:
    """Return the CPU time without either, and the costs of metrics, log and both, in µs."""
    handler = MeasuredHandler(application, None)
    loop = asyncio.get_running_loop()
    patience = Patience(idle=3600, head=3600)
    places = Places(loop.time, patience, counts, capacity=10, per_client=0, workers=1)
    front = Front(handler, None, places, counted_client)
    server = await loop.create_server(front, "127.0.0.1", 0)
    took: dict[str, list[int]] = {name: [] for name in WAYS}
    order = list(WAYS)
    port = server.sockets[0].getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.instrumentation.client", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0) as client:
        for turn in trange(rounds + WARM_UP, desc=path, unit="round", file=sys.stdout):
            random.shuffle(order)
            for name in order:
                metrics, log = WAYS[name]
                handler.switch(metrics=metrics, log=log)
                began = time.process_time_ns()
                client.stdin.write(f"{path}\n".encode())  # type: ignore[union-attr]
                await handler.ended.wait()
                if turn >= WARM_UP:
                    took[name].append(time.process_time_ns() - began)
    server.close()
    without = took.pop("without")
    costs = [[b - a for a, b in zip(without, times, strict=True)] for times in took.values()]
    return [statistics.median(times) / 1000 for times in (without, *costs)]


def main() -> int:
    """Measure, and print the section."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4000)
    parser.add_argument("--write", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    table = [
        "| request | without, µs | metrics cost, µs | the log costs, µs | both cost, µs |",
        "|---|---|---|---|---|",
    ]
    worst = 0.0
    try:
        call_command("prepare", verbosity=0)
        for name, path in PATHS.items():
            with piped_stderr():
                times = asyncio.run(compare(path, options.rounds))
            table.append(f"| {name} | {' | '.join(f'{took:,.0f}' for took in times)} |")
            worst = max(worst, times[-1])
    finally:
        outcome_writer.write()
        database.drop()
        slots.remove()
    text = SECTION.format(
        date=today(),
        load=os.getloadavg()[0],
        rounds=options.rounds,
        table="\n".join(table),
    )
    print(text)
    if options.write:
        write_section("instrumentation", text)
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
