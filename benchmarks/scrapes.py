"""How soon Prometheus is answered: `python -m benchmarks.scrapes [--recycles 200] [--write]`.

A service of two workers with a database of its own, scraped at the port of the metrics process and
at its own: while nothing else happens; while listeners that read slowly hold every thread; while
listeners fetch one stream after another as fast as they can; while PostgreSQL's processes are
stopped; and after workers were killed over and over. A scrape without an answer in ten seconds is
given up. The exit status is 1 if the metrics process ever took 50 ms and more (medians; 600 ms for
the first scrape after the database was stopped), or files have piled up.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path

from tqdm import tqdm, trange

from benchmarks.results import write_section
from benchmarks.scraped import (
    THREADS,
    WORKERS,
    Service,
    database_stopped,
    every_thread_held,
    streaming_at_full_speed,
)

LIMIT, FIRST_LIMIT = 50, 600  # ms
SECTION = """\
## Scrapes

`python -m benchmarks.scrapes`, {date}, load average {load:.1f} before. {workers} workers of
{threads} threads each, {series} series; ms, medians and the worst.

| while | metrics process | worst | the service's own port | worst |
|---|---|---|---|---|
{rows}

Of a PostgreSQL that has stopped each process waits for an answer once, so on the service's own port
each worker. After {recycles} workers were killed, one pair after the other, there were {files}
files of metrics with {size} kB in use, of which {before} kB were after the first pair. Streams
started, by the counter: {counted:.0f}; by those who asked: {streams:.0f}."""


def times(service: Service, port: int, rounds: int, what: str) -> list[float]:
    """Milliseconds of each scrape; infinity for one that was given up."""
    took = []
    for _ in trange(rounds, desc=what, unit="scrape"):
        began = time.perf_counter()
        told = service.scrape(port)
        took.append((time.perf_counter() - began) * 1000 if told else float("inf"))
        if told is None:
            break
        time.sleep(0.05)
    return took


def _shown(milliseconds: float) -> str:
    return "none in 10 s" if milliseconds == float("inf") else f"{milliseconds:.0f}"


def main() -> int:
    """Measure, tell."""
    options = ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=100)
    options.add_argument("--recycles", type=int, default=200)
    options.add_argument("--write", action="store_true", help="write the section to RESULTS.md")
    asked = options.parse_args()
    load = os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="clips-scrapes-"))
    service = Service(folder)
    rows, failed = [], False

    def scrape(what: str) -> list[list[float]]:
        ports = (service.metrics_port, service.port)
        return [times(service, port, asked.rounds, what) for port in ports]

    def tell(what: str, took: list[list[float]], limit: float = LIMIT) -> None:
        nonlocal failed
        cells = [_shown(number) for port in took for number in (statistics.median(port), max(port))]
        failed |= statistics.median(took[0]) >= limit
        rows.append(f"| {what} | {' | '.join(cells)} |")

    def measure(what: str) -> None:
        tell(what, scrape(what))

    try:
        service.replace_workers()
        measure("nothing else happens")
        with every_thread_held(service):
            measure("slow listeners hold every thread")
        with streaming_at_full_speed(service):
            measure("listeners fetch streams at full speed")
        with database_stopped(service):
            stopped = scrape("PostgreSQL is stopped")
        tell("PostgreSQL is stopped: the first scrape", [took[:1] for took in stopped], FIRST_LIMIT)
        tell("PostgreSQL is stopped: all others", [took[1:] for took in stopped])
        count, before = service.files()
        started = "clips_streams_started_total"
        streams = (service.scrape(service.metrics_port) or {})[started]
        for _ in tqdm(range(asked.recycles // WORKERS), "Workers are killed", unit="pair"):
            service.replace_workers()
            service.listener(slow=True).close()
            streams += 1
        measure(f"nothing happens, after {asked.recycles} workers")
        files, size = service.files()
        told = service.scrape(service.metrics_port) or {}
    finally:
        service.close()
        shutil.rmtree(service.cluster.home, ignore_errors=True)
        shutil.rmtree(folder)
    failed |= files != count or told[started] != streams
    text = SECTION.format(
        date=datetime.now(UTC).date(),
        load=load,
        workers=WORKERS,
        threads=THREADS,
        series=len(told),
        rows="\n".join(rows),
        recycles=asked.recycles,
        files=files,
        size=size // 1000,
        before=before // 1000,
        counted=told[started],
        streams=streams,
    )
    print(text)
    if asked.write:
        write_section("scrapes", text)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
