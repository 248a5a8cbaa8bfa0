"""Measure plays recorded per second, on one clip and over 1,000 clips: `make bench-plays`.

Several ways to record a play (recorders.py) run in turn, in two processes with many threads; the
table shows medians of several rounds, with the CPU time of PostgreSQL. Commits are fast, and then
slowed down by PostgreSQL's `commit_delay` (3 ms, `commit_siblings` 0): each commit waits before it
flushes the log, as on a slow disk. The embedded PostgreSQL keeps its data in a temporary folder.
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

FOLDER = Path(tempfile.gettempdir()) / "clips-benchmark-plays"
os.environ["CLIPS_LOCAL_DIR"] = str(FOLDER)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clips_site.settings")

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from benchmarks.plays.recorders import RECORDERS  # noqa: E402
from clips_site.database.embedded.base import cluster  # noqa: E402
from harness.waiting import until  # noqa: E402
from library.models import Clip  # noqa: E402

CLIPS = 1_000
PROCESSES = 2


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--threads", type=int, default=32, help="of each of the two processes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", action="append", choices=RECORDERS, help="only this way")
    parser.add_argument(
        "--work",
        nargs=4,
        metavar=("WAY", "CLIPS", "SECONDS", "SEED"),
        help="used by the benchmark to start its processes",
    )
    options = parser.parse_args()
    if options.work:
        way, clips, seconds, seed = options.work
        _work(way, int(clips), float(seconds), int(seed), options.threads)
        return
    _prepare()
    ways = options.way or list(RECORDERS)
    cases = [(slow, way, clips) for slow in (0, 3) for way in ways for clips in (1, CLIPS)]
    found: dict[tuple[int, str, int], list[tuple[float, float, float]]] = {
        case: [] for case in cases
    }
    with tqdm(total=len(cases) * options.rounds, unit="run") as bar:
        for _ in range(options.rounds):
            for case in cases:
                found[case].append(_measure(*case, options.seconds, options.threads))
                bar.update()
    print(
        f"{PROCESSES} processes of {options.threads} threads; plays/s, p99 of the wait in ms,"
        " CPU of PostgreSQL in ms a play\n"
    )
    print("| commits | way | one hot clip | p99 | CPU | 1,000 clips | p99 | CPU | hot / 1,000 |")
    print("|---|---|---|---|---|---|---|---|---|")
    for slow in (0, 3):
        for way in ways:
            (hot, hot_p99, hot_cpu), (many, many_p99, many_cpu) = (
                (statistics.median(values) for values in zip(*found[slow, way, clips], strict=True))
                for clips in (1, CLIPS)
            )
            commits = "as they are" if not slow else f"{slow} ms slower"
            print(
                f"| {commits} | {way} | {hot:,.0f} | {hot_p99:.0f} | {hot_cpu:.2f}"
                f" | {many:,.0f} | {many_p99:.0f} | {many_cpu:.2f} | {hot / many:.2f} |"
            )
    connection.close()
    cluster(FOLDER / "postgres").detach()
    shutil.rmtree(FOLDER)


def _prepare() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    call_command("migrate", verbosity=0)
    Clip.objects.bulk_create(
        Clip(title=f"Clip {n}", genre="test", duration=30, audio_url="https://example.com/a.mp3")
        for n in range(CLIPS)
    )


def _measure(
    slow: int, way: str, clips: int, seconds: float, threads: int
) -> tuple[float, float, float]:
    """Return plays per second, the 99th percentile of their duration, and CPU per play, in ms."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER SYSTEM SET commit_delay = {slow * 1000}")
        cursor.execute("ALTER SYSTEM SET commit_siblings = 0")
        cursor.execute("SELECT pg_reload_conf()")
    command = [sys.executable, "-m", "benchmarks.plays", "--threads", str(threads)]
    command += ["--work", way, str(clips), str(seconds)]
    cpu = _postgres_cpu()
    workers = [
        subprocess.Popen([*command, str(seed)], stdout=subprocess.PIPE, text=True)
        for seed in range(PROCESSES)
    ]
    waits = [float(line) for worker in workers for line in worker.communicate()[0].split()]
    cpu = _postgres_cpu() - cpu
    p99 = statistics.quantiles(waits, n=100)[-1] * 1e3
    return len(waits) / seconds, p99, cpu * 1e3 / len(waits)


def _postgres_cpu() -> float:
    """Return the CPU time in seconds of PostgreSQL, once the sessions of the workers have ended."""
    others = "SELECT FROM pg_stat_activity WHERE datname IS NOT NULL AND pid <> pg_backend_pid()"
    with connection.cursor() as cursor:
        until(lambda: cursor.execute(others) is None and cursor.rowcount == 0)
    pid = (cluster(FOLDER / "postgres").data / "postmaster.pid").read_text().split()[0]
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ticks = sum(_ticks(child)[0] for child in children) + sum(_ticks(pid))
    return ticks / os.sysconf("SC_CLK_TCK")


def _ticks(pid: str) -> tuple[int, int]:
    """Return the CPU time of a process, and that of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])


def _work(way: str, clips: int, seconds: float, seed: int, threads: int) -> None:
    """Record plays for some seconds in many threads, and print how long each took."""
    record = RECORDERS[way]
    first = Clip.objects.order_by("id").values_list("id", flat=True)[0]

    def record_plays(thread: int) -> list[float]:
        rng = random.Random(seed * 1000 + thread)
        record(first + rng.randrange(clips))  # warms up
        waits = []
        ends = time.perf_counter() + seconds
        while (began := time.perf_counter()) < ends:
            record(first + rng.randrange(clips))
            waits.append(time.perf_counter() - began)
        return waits

    with ThreadPoolExecutor(threads) as pool:
        for waits in pool.map(record_plays, range(threads)):
            print(*waits)


if __name__ == "__main__":
    main()
