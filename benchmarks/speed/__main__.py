"""Compare every call with FastAPI peers: `make bench`, `python -m benchmarks.speed [GROUP…]`.

The service runs as `make run` starts it, from this checkout, with its data in a temporary folder,
without rate limits. The peers (benchmarks/peers) have a database on the same PostgreSQL. wrk sends
each kind of request to one after the other, round by round, so that other load on the machine
affects all. Choose groups to measure only these; --write needs all.
"""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.results import RESULTS, today, write_section

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clips_site.settings")

from benchmarks.speed import alone, checks
from benchmarks.speed.loads import Loads, Results
from benchmarks.speed.plot import Group, bars
from benchmarks.speed.processes import prefer
from benchmarks.speed.report import Report
from benchmarks.speed.services import PEERS
from benchmarks.speed.stage import Stage, running
from harness.nginx import NGINX

SECTION = """\
## Speed

`make bench`, {date}, {minutes:.0f} minutes: the service as `make run` starts it, next to
[FastAPI services](peers/README.md) of two workers that do the same work. Requests a second,
`wrk -t1 -c16`, medians of {rounds} alternating runs of {seconds} s. The CPU time of a request is
that of all processes of the server and of PostgreSQL. Of {processors} processors, other programs
kept {others:.2f} busy (median).

![Requests a second, FastAPI sync = 1](speed-ratios.svg)
![CPU time of a request](speed-cpu.svg)

{tables}"""

# Those that run beside the peers, then those of the service alone.
BESIDE = ("commits", "streams", "lists", "calls", "cold", "exact", "balance", "scale", "posts")
ALONE = ("start", "stalled", "attack", "crowd", "large-crowd")


def main() -> int:
    """Measure, and print the section. The status is 1 if a goal is missed or a request fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=", ".join(BESIDE + ALONE))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each run")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md and its pictures")
    options = parser.parse_args()
    groups = options.groups or [*BESIDE, *ALONE]
    if unknown := set(groups) - {*BESIDE, *ALONE}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if options.write and options.groups:
        parser.error("--write needs all groups")
    if not (NGINX and shutil.which("wrk")):
        parser.error("needs wrk and nginx: make system-tools")
    if not (PEERS / "uvicorn").exists():
        parser.error("needs the peers' packages: make .local/peers/installed")
    prefer(os.getpid())
    began = time.monotonic()
    report = Report()
    with (
        TemporaryDirectory(prefix="clips-speed-", ignore_cleanup_errors=True) as folder,
        running(Path(folder)) as stage,
    ):
        measure(report, stage, Loads(stage, options.rounds, options.seconds), groups)
    text = SECTION.format(
        date=today(),
        minutes=(time.monotonic() - began) / 60,
        processors=os.cpu_count(),
        others=report.others_cpu(),
        rounds=options.rounds,
        seconds=options.seconds,
        tables=report.tables(),
    )
    print(text)
    if options.write:
        write_section("speed", text)
        write_plots(report, RESULTS.parent)
    for name in report.unmet():
        print(f"The goal is missed: {name}", file=sys.stderr)
    if errors := report.errors():
        print(f"{errors} requests failed", file=sys.stderr)
    return int(bool(errors or report.unmet()))


def measure(report: Report, stage: Stage, loads: Loads, groups: list[str]) -> None:
    """Run the groups in the order of BESIDE and ALONE, and add their results to the report."""
    measurements: dict[str, Callable[[], Results]] = {
        "commits": lambda: checks.commits(stage),
        "streams": loads.streams,
        "lists": loads.lists,
        "calls": loads.calls,
        "cold": lambda: checks.cold(stage),
        "exact": lambda: checks.exactness(stage),
        "balance": lambda: checks.balance(stage),
        "scale": loads.scale,
        "posts": loads.posts,
        "start": lambda: alone.start(stage),
        "stalled": lambda: alone.stalled(stage),
        "attack": lambda: alone.attack(stage),
        "crowd": lambda: alone.crowd(stage),
        "large-crowd": lambda: alone.large_crowd(stage),
    }
    chosen = [name for name in measurements if name in groups]
    for number, name in enumerate(chosen, start=1):
        print(f"{number} of {len(chosen)}: {name}", file=sys.stderr)
        if name in ALONE:
            stage.stop_others()
        for result in measurements[name]():
            report.add(result)
            print(result.row(), file=sys.stderr)


def write_plots(report: Report, folder: Path) -> None:
    """Draw the rates as multiples of the synchronous peer's, and the CPU time of a request."""
    series = ("FastAPI sync", "FastAPI async", "this service")
    ratios, costs = [], []
    for each in report.comparisons:
        samples = (each.sync, each.asynchronous, each.service)
        used = tuple(
            sample.server_cpu + sample.database_cpu if sample else None for sample in samples
        )
        costs.append(Group(each.work, used))
        if each.sync:
            base = each.sync.rate
            values = tuple(sample.rate / base if sample else None for sample in samples)
            ratios.append(Group(each.work, values, each.goal.bound if each.goal else None))
    for name, title, groups in (
        ("speed-ratios", "Requests a second, FastAPI sync = 1", ratios),
        ("speed-cpu", "CPU time of a request, server and PostgreSQL, ms", costs),
    ):
        (folder / f"{name}.svg").write_text(bars(title, series, groups))


if __name__ == "__main__":
    sys.exit(main())
