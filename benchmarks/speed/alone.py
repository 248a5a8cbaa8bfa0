"""The measurements of the service alone: its start, its memory, and crowds of slow listeners."""

import statistics
import time

from tqdm import trange

from benchmarks.speed import crowds
from benchmarks.speed.crowds import Crowd
from benchmarks.speed.load import await_quiet
from benchmarks.speed.loads import CLIPS, Results
from benchmarks.speed.processes import memory
from benchmarks.speed.report import Figure, at_least, at_most
from benchmarks.speed.stage import Stage
from harness.client import new_session

STARTS = 3
REQUESTS = 20  # on a new connection each, so that every worker has had some
SETTLED = 5  # seconds after which an idle service has ended what it was doing
IDLE = 10  # seconds
STALLED = 800  # clients
IDLE_CLIENTS, SLOW_SENDERS, ATTACKED = 10_000, 2_000, 30  # the last in seconds
CROWD = Crowd(listeners=2_000, within=2, rate=24_000, seconds=14)
# As slow as a stream of 48 kbit/s, so that all are there at the end.
LARGE_CROWD = Crowd(listeners=10_000, within=60, rate=6_000, seconds=64)


def start(stage: Stage) -> Results:
    """Yield how long a start takes if nothing has changed, and the memory of an idle service."""
    times = []
    for _ in trange(STARTS, desc="Starts", unit="start"):
        began = time.monotonic()
        target = stage.restarted()
        times.append(time.monotonic() - began)
    yield Figure("start, PostgreSQL running, until ready", f"{statistics.median(times):.1f} s")
    for _ in range(REQUESTS):
        with new_session() as session:
            session.get(target.url + CLIPS, timeout=20).raise_for_status()
    time.sleep(SETTLED)
    used = memory(target.pid)
    name = "memory of all processes except PostgreSQL, idle"
    yield Figure(name, f"{used:.0f} MB", used, at_most(200, " MB"))


def crowd(stage: Stage) -> Results:
    """Yield how 2,000 slow listeners are served who come at once, and the API meanwhile."""
    target = stage.restarted()
    await_quiet()
    idle = crowds.probed(stage.product.port, IDLE)
    outcome = crowds.listen(target, stage.product.port, CROWD)
    name, served = _served(CROWD, outcome)
    yield served
    first_bytes = outcome.result.first_byte_p50, outcome.result.first_byte_p99
    yield Figure(
        f"{name}: first byte, p50 and p99",
        f"{first_bytes[0]:,.0f} and {first_bytes[1]:,.0f} ms",
        first_bytes[1],
        at_most(2000, " ms"),
    )
    ratio = outcome.probe.percentile(99) / idle.percentile(99)
    yield Figure(
        f"{name}: list of 6 meanwhile, p50 and p99",
        f"{outcome.probe.times(50, 99)}; idle {idle.times(50, 99)}",
        ratio,
        at_most(3, " times (p99)"),
    )
    yield Figure(f"{name}: memory of each", f"{outcome.memory_each:.1f} kB")


def stalled(stage: Stage) -> Results:
    """Yield how fast the API is while many clients neither read their response nor send on."""
    stage.restarted()
    await_quiet()
    port = stage.product.port
    idle = crowds.probed(port, IDLE)
    with crowds.stalled(port, STALLED):
        meanwhile = crowds.probed(port, IDLE)
    yield Figure(
        f"list of 6, p50 and p99, while {STALLED} clients read nothing or send half a body",
        f"{meanwhile.times(50, 99)}; idle {idle.times(50, 99)}",
    )


def attack(stage: Stage) -> Results:
    """Yield how fast health checks and streams begin while many clients send nothing or slowly."""
    target = stage.restarted()
    await_quiet()
    port = stage.product.port
    stream = f"{CLIPS}/{target.clips[0]}/stream"
    probes = (("/livez", crowds.LIVEZ, None), ("first byte of a stream", stream, 1))
    idle = {path: crowds.probed(port, ATTACKED, path, size) for _, path, size in probes}
    with crowds.attacked(port, IDLE_CLIENTS, SLOW_SENDERS) as made:
        time.sleep(SETTLED)
        attacked = {path: crowds.probed(port, ATTACKED, path, size) for _, path, size in probes}
    name = f"{IDLE_CLIENTS:,} clients send nothing and {SLOW_SENDERS:,} slowly"
    for subject, path, _ in probes:
        yield Figure(
            f"{name}: {subject}, p50 and p99",
            f"{attacked[path].times(50, 99)}; idle {idle[path].times(50, 99)}",
            attacked[path].percentile(99) / idle[path].percentile(99),
            at_most(3, " times (p99)"),
        )
    yield Figure(f"{name}: connections made in all", f"{made[0]:,}")


def large_crowd(stage: Stage) -> Results:
    """Yield how 10,000 slow listeners are served, and the memory of each."""
    target = stage.restarted()
    await_quiet()
    outcome = crowds.listen(target, stage.product.port, LARGE_CROWD)
    name, served = _served(LARGE_CROWD, outcome)
    yield served
    each = outcome.memory_each
    yield Figure(f"{name}: memory of each", f"{each:.1f} kB", each, at_most(30, " kB"))


def _served(crowd: Crowd, outcome: crowds.Outcome) -> tuple[str, Figure]:
    """Return the name of a crowd, and how many of it were served."""
    result = outcome.result
    waiting = crowd.listeners - result.served - result.refused - result.failed
    name = (
        f"{crowd.listeners:,} listeners within {crowd.within:g} s, each {crowd.rate / 1000:g} kB/s"
    )
    shown = (
        f"{result.served:,} served, of whom {result.starved:,} starve; "
        f"{result.refused:,} refused, {result.failed:,} broken off, {max(0, waiting):,} waiting"
    )
    satisfied = result.served - result.starved
    return name, Figure(f"{name}: served", shown, satisfied, at_least(crowd.listeners))
