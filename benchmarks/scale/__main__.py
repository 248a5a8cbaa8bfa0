"""Time every kind of page at a hundred and at ten million plays: `python -m benchmarks.scale`.

Two services run on databases of 100,000 clips each. They are requested in turn, so that other load
on the machine affects both. The table shows medians and their ratio. With --keep the databases of
an earlier run are used and kept.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from tqdm import tqdm

from harness.client import log_in
from harness.installation import Installation
from harness.service import Server

FOLDER = Path(tempfile.gettempdir()) / "clips-benchmark-scale"
PAGES = {
    "list of 100": "/api/v1/clips",
    "clip": "/api/v1/clips/1",
    "stats of the most played clip": "/api/v1/clips/1/stats",
    "stats of a quiet clip": "/api/v1/clips/{quiet}/stats",
    "stats, 12 months": "/api/v1/clips/1/stats?interval=month",
    "stats, hours of a week, Asia/Kolkata": "/api/v1/clips/1/stats?interval=hour&since={week}"
    "&timezone=Asia/Kolkata",
    "stats of the library": "/api/v1/stats",
    "top clips of 24 hours": "/api/v1/stats?window=last_24_hours&limit=100",
    "listening page": "/",
    "admin: dashboard": "/admin/",
    "admin: dashboard, top clips": "/admin/dashboard/top/",
    "admin: dashboard, sources": "/admin/dashboard/sources/",
    "admin: clips": "/admin/library/clip/",
    "admin: a clip": "/admin/library/clip/1/change/",
    "admin: plays": "/admin/library/playevent/",
}
FEW_PLAYS = 100
GENERATE = "from benchmarks.scale.generate import generate; generate({}, {})"


def main() -> None:
    """Generate the databases, measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--plays", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--keep", action="store_true", help="use and keep the databases")
    options = parser.parse_args()
    if not options.keep:  # an interrupted run may have left part of a library
        shutil.rmtree(FOLDER, ignore_errors=True)
    is_new = not FOLDER.exists()
    FOLDER.mkdir(exist_ok=True)
    few, many = (
        Installation(FOLDER, POSTGRES_DB=name, WEB_CONCURRENCY="1") for name in ("few", "many")
    )
    if is_new:
        for installation, plays in ((few, FEW_PLAYS), (many, options.plays)):
            installation.prepare("--first-accounts")
            installation.run_python(GENERATE.format(options.clips, plays))
    with few.start() as few_server, many.start() as many_server:
        paths = {
            page: path.format(
                quiet=options.clips * 9 // 10,
                week=time.strftime("%Y-%m-%d", time.gmtime(time.time() - 6 * 86_400)),
            )
            for page, path in PAGES.items()
        }
        _measure(few_server, many_server, paths, options.rounds, options.plays)
    if not options.keep:
        shutil.rmtree(FOLDER)


def _measure(few: Server, many: Server, paths: dict[str, str], rounds: int, plays: int) -> None:
    sessions = {server.url: log_in(server.url) for server in (few, many)}
    print(f"| page | {FEW_PLAYS} plays, ms | {plays:,}, ms | ratio | first, ms |")
    print("|---|---|---|---|---|")
    for page, path in tqdm(paths.items(), unit="page"):
        times: dict[str, list[float]] = {url: [] for url in sessions}
        for _ in range(rounds + 1):
            for url, session in sessions.items():
                began = time.perf_counter()
                session.get(url + path, timeout=120).raise_for_status()
                times[url].append((time.perf_counter() - began) * 1e3)
        few_median, many_median = (statistics.median(of_each[1:]) for of_each in times.values())
        ratio, first = many_median / few_median, times[many.url][0]
        print(
            f"| {page} | {few_median:.1f} | {many_median:.1f} | {ratio:.2f} | {first:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
