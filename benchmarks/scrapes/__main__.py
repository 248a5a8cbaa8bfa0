"""Measure how long a scrape takes: `python -m benchmarks.scrapes [--recycles 200] [--write]`.

A service of two workers is scraped at the port of the metrics process and at its own port: while
idle; while many slow listeners are served; while every thread of Django waits; while listeners
fetch streams at full speed; while PostgreSQL's processes are suspended; and after many workers have
been killed. A scrape is given up after ten seconds. The exit status is 1 if the metrics process
takes 50 ms or more (medians; 600 ms for the first scrape without the database), if metric files
pile up, or if a stream is not counted.
"""

import os
import statistics
import sys
import time
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm, trange

from benchmarks.results import today, write_section
from benchmarks.scrapes.conditions import (
    LISTENERS,
    SETTINGS,
    THREADS,
    WORKERS,
    add_large_clip,
    all_threads_wait,
    listen,
    metric_files,
    replace_workers,
    scrape,
    slow_listeners,
    streams_at_full_speed,
)
from harness.installation import Installation
from harness.postgres import Postgres
from harness.service import Server, free_port

LIMIT, FIRST_LIMIT = 50, 600  # ms
STARTED = "clips_streams_started_total"
SECTION = """\
## Scrapes

`python -m benchmarks.scrapes`, {date}, load average {load:.1f} before. {workers} workers of
{threads} threads for Django each, {series} series; ms, medians and maxima.

| while | metrics process | worst | the service's own port | worst |
|---|---|---|---|---|
{rows}

When PostgreSQL stops, each process waits for its answer once, so on the service's own port each
worker does. After {recycles} workers were killed, in pairs, there were {files} files of metrics
with {size} kB in use; after the first pair, {before} kB. Streams started, by the counter:
{counted:.0f}; by the clients: {streams:.0f}."""


class Measurement:
    """Times of scrapes under each condition, as rows of the table."""

    def __init__(self, server: Server, rounds: int) -> None:
        self.rows: list[str] = []
        self.failed = False
        self._addresses = server.metrics_address, f"127.0.0.1:{server.port}"
        self._rounds = rounds

    def time_scrapes(self, condition: str) -> list[list[float]]:
        """Return the times of scrapes in ms, at the metrics process and at the service."""
        return [self._times(address, condition) for address in self._addresses]

    def add_row(self, condition: str, times: list[list[float]], limit: float = LIMIT) -> None:
        """Add a row; the metrics process must stay below the limit."""
        cells = [_format(number) for at in times for number in (statistics.median(at), max(at))]
        self.failed |= statistics.median(times[0]) >= limit
        self.rows.append(f"| {condition} | {' | '.join(cells)} |")

    def measure(self, condition: str) -> None:
        """Time the scrapes under a condition and add their row."""
        self.add_row(condition, self.time_scrapes(condition))

    def _times(self, address: str, condition: str) -> list[float]:
        times: list[float] = []
        for _ in trange(self._rounds, desc=condition, unit="scrape"):
            began = time.perf_counter()
            if scrape(address) is None:
                return [*times, float("inf")]
            times.append((time.perf_counter() - began) * 1000)
            time.sleep(0.05)
        return times


def _format(milliseconds: float) -> str:
    return "none in 10 s" if milliseconds == float("inf") else f"{milliseconds:.0f}"


def main() -> int:
    """Measure, and print the section."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--recycles", type=int, default=200, help="workers to kill")
    parser.add_argument("--write", action="store_true", help="write the section to RESULTS.md")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="clips-scrapes-")))
        postgres = stack.enter_context(Postgres(folder / "postgres"))
        installation = Installation(
            folder, postgres=postgres, CLIPS_METRICS_PORT=str(free_port()), **SETTINGS
        )
        installation.prepare()
        add_large_clip(installation)
        server = stack.enter_context(installation.start())
        replace_workers(server)
        measurement = Measurement(server, options.rounds)
        _measure_conditions(measurement, server, postgres)
        files_before, size_before = metric_files(server)
        streams = server.metrics()[STARTED]
        for _ in tqdm(range(options.recycles // WORKERS), "Workers are killed", unit="pair"):
            replace_workers(server)
            listen(server, slow=True).close()
            streams += 1
        measurement.measure(f"nothing happens, after {options.recycles} workers")
        files, size = metric_files(server)
        samples = server.metrics()
    text = SECTION.format(
        date=today(),
        load=load,
        workers=WORKERS,
        threads=THREADS,
        series=len(samples),
        rows="\n".join(measurement.rows),
        recycles=options.recycles,
        files=files,
        size=size // 1000,
        before=size_before // 1000,
        counted=samples[STARTED],
        streams=streams,
    )
    print(text)
    if options.write:
        write_section("scrapes", text)
    return int(measurement.failed or files != files_before or samples[STARTED] != streams)


def _measure_conditions(measurement: Measurement, server: Server, postgres: Postgres) -> None:
    measurement.measure("nothing else happens")
    with slow_listeners(server):
        measurement.measure(f"{LISTENERS} slow listeners are served")
    with all_threads_wait(server, postgres):
        measurement.measure("every thread of Django waits for a lock")
    with streams_at_full_speed(server):
        measurement.measure("listeners fetch streams at full speed")
    condition = "PostgreSQL is stopped"
    with postgres.paused():
        times = measurement.time_scrapes(condition)
    measurement.add_row(f"{condition}: the first scrape", [at[:1] for at in times], FIRST_LIMIT)
    measurement.add_row(f"{condition}: all others", [at[1:] for at in times])


if __name__ == "__main__":
    sys.exit(main())
