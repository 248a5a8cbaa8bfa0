"""The other measurements beside the peers: counts, commits, workers, and cold streams."""

import itertools
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from subprocess import DEVNULL, Popen

from tqdm import tqdm, trange

from benchmarks.speed.load import CONNECTIONS, Target
from benchmarks.speed.loads import CLIPS, STREAM, Results
from benchmarks.speed.processes import connections, cpu_seconds
from benchmarks.speed.report import Figure, at_most
from benchmarks.speed.services import AUDIO, PEER_DATABASE
from benchmarks.speed.stage import Stage
from harness.client import add_clip, new_session
from harness.origin import Origin, paced
from harness.postgres import DATABASE

REQUESTS, THREADS = 2000, 16
COUNTS = """
SELECT (SELECT sum(play_count) FROM library_clip)::int,
    (SELECT count(*) FROM library_playevent)::int,
    (SELECT sum(plays) FROM library_playtally)::int,
    (SELECT sum(plays) FROM library_librarytally)::int
"""
COMMITS = 300
BALANCE_RUNS, BALANCE_SECONDS = 8, 2
COLD_TRIES, COLD_BYTES = 25, 60_000
COLD_DELAY, COLD_RATE = 0.05, 250_000  # seconds, bytes a second


def exactness(stage: Stage) -> Results:
    """Yield whether all plays of many requests at a time are counted, and no others."""
    with stage.postgres.connect() as connection:
        for name, target in (
            ("", stage.targets["service"]),
            (" through nginx", stage.targets["nginx"]),
        ):
            (before,) = connection.execute(COUNTS).fetchall()
            with ThreadPoolExecutor(THREADS) as pool:
                whole = sum(pool.map(_whole_streams, [target] * THREADS))
            (after,) = connection.execute(COUNTS).fetchall()
            added = [count - at for at, count in zip(before, after, strict=True)]
            yield Figure(
                f"{REQUESTS:,} streams{name}, {THREADS} at a time: whole responses; plays added to"
                " counters, events, clips' tallies, the library's tallies",
                ", ".join(f"{count:,}" for count in (whole, *added)),
                max(abs(count - REQUESTS) for count in (whole, *added)),
                at_most(0, " off"),
            )


def _whole_streams(target: Target) -> int:
    whole = 0
    with new_session() as session:
        for clip in itertools.islice(itertools.cycle(target.clips), REQUESTS // THREADS):
            answer = session.get(f"{target.url}{CLIPS}/{clip}/stream", timeout=30)
            whole += answer.status_code == 200 and answer.content == AUDIO
    return whole


def commits(stage: Stage) -> Results:
    """Yield how long a durable commit takes in the database of the service and in the peers'."""
    times: dict[str, list[float]] = {}
    for database in (DATABASE, PEER_DATABASE):
        with stage.postgres.connect(database) as connection:
            connection.execute("CREATE TABLE commit_benchmark (number int)")
            for number in trange(COMMITS, desc=f"Commits, {database}", unit="commit"):
                began = time.perf_counter()
                connection.execute("INSERT INTO commit_benchmark VALUES (%s)", [number])
                times.setdefault(database, []).append((time.perf_counter() - began) * 1000)
            connection.execute("DROP TABLE commit_benchmark")
    medians = [f"{statistics.median(each):.2f}" for each in times.values()]
    yield Figure("commit of one row, service and peers", f"{' and '.join(medians)} ms")


def balance(stage: Stage) -> Results:
    """Yield how connections and CPU time spread over the workers, in several runs."""
    target = stage.targets["service"]
    workers = stage.product.workers()
    held, shares = [], []
    path = STREAM.path.replace("CLIP", str(target.clips[0]))
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{BALANCE_SECONDS}s", target.url + path]
    for _ in trange(BALANCE_RUNS, desc="Balance", unit="run"):
        before = [cpu_seconds(worker) for worker in workers]
        with Popen(command, stdout=DEVNULL) as wrk:
            time.sleep(BALANCE_SECONDS / 2)
            held.append(sorted(connections(worker, stage.product.port) for worker in workers))
            wrk.wait()
        used = [cpu_seconds(worker) - at for at, worker in zip(before, workers, strict=True)]
        shares.append(100 * min(used) / max(0.01, sum(used)))
    spread = ", ".join("/".join(map(str, counts)) for counts in held)
    name = f"{CONNECTIONS} connections on the workers, {BALANCE_RUNS} runs; least CPU of a worker"
    yield Figure(name, f"{spread}; {min(shares):.0f} to {max(shares):.0f} %")


def cold(stage: Stage) -> Results:
    """Yield the time to the first byte of audio that is not stored, compared with `requests`."""
    times: dict[str, list[float]] = {}
    urls = {name: stage.targets[name].url for name in ("service", "sync", "async")}
    with Origin(default=paced(AUDIO[:COLD_BYTES], COLD_RATE)) as origin:
        origin.delay = COLD_DELAY
        for number in tqdm(range(COLD_TRIES), desc="Cold streams", unit="try"):
            direct = origin.url(f"/{number}-direct.mp3")
            times.setdefault("direct", []).append(_first_byte(direct))
            for name, url in urls.items():
                clip = add_clip(url, "Cold", origin.url(f"/{number}-{name}.mp3"))
                times.setdefault(name, []).append(_first_byte(f"{url}{CLIPS}/{clip}/stream"))
    direct_ms, *others = (statistics.median(each) for each in times.values())
    for name, value in zip(("", ", FastAPI sync", ", FastAPI async"), others, strict=True):
        ratio = value / direct_ms
        yield Figure(
            f"first byte of a cold stream{name}",
            f"{value:.0f} ms, {ratio:.2f} times `requests` without a service ({direct_ms:.0f} ms)",
            ratio,
            None if name else at_most(1.2, " times"),
        )


def _first_byte(url: str) -> float:
    """Return after how many milliseconds the first byte arrives; receive the others, too."""
    with new_session() as session:
        began = time.perf_counter()
        with session.get(url, stream=True, timeout=30) as answer:
            first = answer.raw.read(1)
            took = time.perf_counter() - began
            assert first + answer.raw.read() == AUDIO[:COLD_BYTES]
    return took * 1000
