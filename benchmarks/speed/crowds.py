"""How the service treats crowds of slow listeners, and its API meanwhile."""

import http.client
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Self

from benchmarks.speed.listeners import Result, open_slow_socket
from benchmarks.speed.load import Target
from benchmarks.speed.processes import memory
from harness.service import ROOT

PROBES, INTERVAL, PATIENCE = 4, 0.2, 4.0  # threads; seconds between two requests of one; seconds
PROBED = "/api/v1/clips?limit=6"
LIVEZ = "/livez"
WHOLE_LIST = b"GET /api/v1/clips?limit=100 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
HALF_A_CLIP = (
    b"POST /api/v1/clips HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: 300\r\n\r\n{"
)
MARGIN = 2  # seconds in which nothing is probed, at the beginning


@dataclass(frozen=True)
class Crowd:
    """Listeners that arrive within some seconds and read `rate` bytes a second, until the end."""

    listeners: int
    within: float  # seconds
    rate: float  # bytes a second
    seconds: float


class Probe:
    """Requests a path again and again, each time on a new connection, until the block ends.

    Several threads do, so that one slow response does not hide others. A request without a response
    counts as the time that it was waited for. `size` is how much of a body is read.
    """

    def __init__(self, port: int, path: str = PROBED, size: int | None = None) -> None:
        self._times: list[float] = []  # ms
        self._port, self._path, self._size = port, path, size
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._request, args=(number * INTERVAL / PROBES,))
            for number in range(PROBES)
        ]

    def percentile(self, hundredth: int) -> float:
        return statistics.quantiles(self._times, n=100)[hundredth - 1]

    def times(self, *hundredths: int) -> str:
        """Return percentiles as text."""
        shown = (f"{self.percentile(hundredth):,.1f}" for hundredth in hundredths)
        return f"{' and '.join(shown)} ms"

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _request(self, offset: float) -> None:
        next_at = time.monotonic() + offset
        while not self._over.wait(max(0, next_at - time.monotonic())):
            next_at = max(next_at, time.monotonic() - INTERVAL) + INTERVAL
            began = time.perf_counter()
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
            try:
                connection.request("GET", self._path)
                answered = connection.getresponse()
                answered.read(self._size)
                served = answered.status == 200
            except OSError:
                served = False
            finally:
                connection.close()
            took = time.perf_counter() - began
            self._times.append((took if served else PATIENCE) * 1000)


@dataclass(frozen=True)
class Outcome:
    """What the listeners and the API's clients experienced, and the memory it took."""

    result: Result
    memory_each: float  # kB for each listener
    probe: Probe


def probed(port: int, seconds: float, path: str = PROBED, size: int | None = None) -> Probe:
    """Return the response times of some seconds."""
    with Probe(port, path, size) as probe:
        time.sleep(seconds)
    return probe


@contextmanager
def attacked(port: int, idle: int, senders: int) -> Iterator[list[int]]:
    """Hold connections that send nothing or slowly. Then the list has the number made."""
    arguments = map(str, (port, idle, senders))
    program = [sys.executable, "-m", "benchmarks.speed.attackers", *arguments]
    made: list[int] = []
    with subprocess.Popen(
        program, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield made
        process.stdin.close()
        made.append(int(process.stdout.readline()))


@contextmanager
def stalled(port: int, clients: int) -> Iterator[None]:
    """Hold connections in pairs: one reads nothing of a long list, the other sends half a body."""
    with ExitStack() as stack:
        for number in range(clients):
            connection = stack.enter_context(open_slow_socket())
            connection.connect(("127.0.0.1", port))
            connection.sendall(HALF_A_CLIP if number % 2 else WHOLE_LIST)
        yield


def listen(target: Target, port: int, crowd: Crowd) -> Outcome:
    """Let a crowd listen; return what happened."""
    before = memory(target.pid)
    arguments = [port, target.clips[0], target.clips[-1], crowd.listeners, crowd.rate]
    arguments += [crowd.within, crowd.seconds]
    program = [sys.executable, "-m", "benchmarks.speed.listeners", *map(str, arguments)]
    with subprocess.Popen(
        program, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        time.sleep(MARGIN)
        with Probe(port) as probe:
            line = process.stdout.readline()
        result = Result(**json.loads(line))
        grown = memory(target.pid) - before
        process.stdin.close()
    each = 1000 * grown / max(1, result.served - result.finished)
    return Outcome(result, each, probe)
