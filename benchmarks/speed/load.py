"""Loads a service with wrk: sixteen connections that send one request after another."""

import os
import re
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from benchmarks.speed.processes import cpu_seconds, machine_seconds

CONNECTIONS = 16
FOLDER = Path(__file__).parent
MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
BUSY = 0.06, 0.3  # seconds of CPU time that others may use, of how many seconds


@dataclass(frozen=True)
class Target:
    """A running service to load. `clips` are the consecutive IDs of those with audio."""

    url: str
    pid: int
    database_pid: int
    clips: range = range(1)


@dataclass(frozen=True)
class Request:
    """What to send: a path, where CLIP stands for a random clip, header fields, or a wrk script."""

    path: str
    fields: tuple[str, ...] = ()
    script: str | None = None


@dataclass(frozen=True)
class Sample:
    """What one run of wrk measured, or the medians of several."""

    rate: float  # responses a second
    p50: float  # milliseconds
    p99: float
    server_cpu: float  # milliseconds a response
    database_cpu: float
    others_cpu: float  # processors that other programs kept busy
    errors: float  # responses other than 2xx and 3xx, and socket errors

    @property
    def cpu(self) -> float:
        """The CPU time of a response, in milliseconds."""
        return self.server_cpu + self.database_cpu


def run(target: Target, request: Request, seconds: int) -> Sample:
    """Load a target. Raise RuntimeError if wrk fails."""
    script = request.script or ("random_clip.lua" if "CLIP" in request.path else None)
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "--timeout=10s"]
    command += [f"--header={field}" for field in request.fields]
    command += [f"--script={FOLDER / script}"] if script else []
    clips = {"FIRST": str(target.clips[0]), "LAST": str(target.clips[-1])}
    before = _clocks(target)
    ended = subprocess.run(
        [*command, target.url + request.path],
        env=os.environ | clips,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{ended.stdout}{ended.stderr}")
    used = [after - at for at, after in zip(before, _clocks(target), strict=True)]
    return parse(ended.stdout, *used)


def parse(report: str, elapsed: float, server: float, database: float, others: float) -> Sample:
    """Return what wrk reports, with the CPU seconds of each part divided by its responses."""
    (responses,) = re.findall(r"(\d+) requests in", report)
    (socket_errors,) = re.findall(r"Socket errors: (.*)", report) or [""]
    (bad,) = re.findall(r"Non-2xx or 3xx responses: (\d+)", report) or ["0"]
    latencies = dict(re.findall(r"^ +(50|99)% +(\S+)", report, re.MULTILINE))
    each = 1000 / max(1, int(responses))
    return Sample(
        rate=int(responses) / elapsed,
        p50=_milliseconds(latencies.get("50", "0us")),
        p99=_milliseconds(latencies.get("99", "0us")),
        server_cpu=server * each,
        database_cpu=database * each,
        others_cpu=others / elapsed,
        errors=int(bad) + sum(map(int, re.findall(r"\d+", socket_errors))),
    )


def alternate(
    jobs: dict[str, tuple[Target, Request]], rounds: int, seconds: int, name: str
) -> dict[str, Sample]:
    """Run each job once a round, so that other load affects all; return the medians of each.

    The first run of each, of a second, is not counted.
    """
    samples: dict[str, list[Sample]] = {job: [] for job in jobs}
    with tqdm(total=(rounds + 1) * len(jobs), desc=name, unit="run") as progress:
        for turn in range(rounds + 1):
            for job, (target, request) in jobs.items():
                await_quiet()
                sample = run(target, request, seconds if turn else 1)
                if turn:
                    samples[job].append(sample)
                progress.set_postfix_str(f"{job}: {sample.rate:,.0f} a second")
                progress.update()
    return {job: median(of_job) for job, of_job in samples.items()}


def median(samples: Sequence[Sample]) -> Sample:
    """Return the median of each figure; of the errors, the sum."""
    figures = {
        name: statistics.median(getattr(sample, name) for sample in samples)
        for name in Sample.__annotations__
    }
    return Sample(**figures | {"errors": sum(sample.errors for sample in samples)})


def await_quiet(limit: float = 0.8) -> None:
    """Return once other programs leave the processors alone, or after some seconds."""
    allowed, window = BUSY
    give_up_at = time.monotonic() + limit
    while time.monotonic() < give_up_at:
        before = machine_seconds()
        time.sleep(window)
        if machine_seconds() - before < allowed:
            return


def _clocks(target: Target) -> tuple[float, float, float, float]:
    server, database = cpu_seconds(target.pid), cpu_seconds(target.database_pid)
    ours = cpu_seconds(os.getpid()) + database  # the database is no child of this process
    return time.monotonic(), server, database, machine_seconds() - ours


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", text).groups()  # type: ignore[union-attr]
    return float(number) * MILLISECONDS[unit]
