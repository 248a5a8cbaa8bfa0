"""Requests of `/` by wrk, next to the list of the API, and plays beside them."""

import re
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator

from harness.client import new_session
from harness.service import Server

CONNECTIONS = 16
LISTENERS = 4  # that play one clip after the other
# The front keeps no answer for a request with a cookie, so Django makes each.
PATHS = {
    "`/`": ("/", ()),
    "`/clips/{id}`": ("/clips/1", ()),
    "`/api/v1/clips?limit=24`": ("/api/v1/clips?limit=24", ()),
    "`/api/v1/clips?limit=24`, made for each request": (
        "/api/v1/clips?limit=24",
        ("-H", "Cookie: a=b"),
    ),
}


def table(server: Server, seconds: int) -> Iterator[str]:
    """Yield the lines of a table."""
    yield (
        f"wrk with {CONNECTIONS} connections for {seconds} s on the same machine, and {LISTENERS} "
        "listeners at the same time, each of whom plays one whole clip after the other.\n"
    )
    yield "| load | requests/s | p99, ms | plays/s beside it | median play, ms | p99, ms |"
    yield "|---|---|---|---|---|---|"
    yield _line("none", None, server, (), seconds)
    for name, (path, options) in PATHS.items():
        yield _line(name, path, server, options, seconds)


def _line(
    name: str, path: str | None, server: Server, options: tuple[str, ...], seconds: int
) -> str:
    times: list[float] = []
    ends = time.monotonic() + seconds

    def listen(clip: int) -> None:
        with new_session() as session:
            while time.monotonic() < ends:
                began = time.perf_counter()
                url = f"{server.url}/api/v1/clips/{clip}/stream"
                session.get(url, timeout=60).raise_for_status()
                times.append((time.perf_counter() - began) * 1e3)

    listeners = [threading.Thread(target=listen, args=(1 + each,)) for each in range(LISTENERS)]
    for thread in listeners:
        thread.start()
    rate = latency = "-"
    if path:
        rate, latency = _wrk(server.url + path, options, seconds)
    for thread in listeners:
        thread.join()
    p99 = statistics.quantiles(times, n=100)[98]
    return (
        f"| {name} | {rate} | {latency} | {len(times) / seconds:.0f} "
        f"| {statistics.median(times):.1f} | {p99:.1f} |"
    )


def _wrk(url: str, options: tuple[str, ...], seconds: int) -> tuple[str, str]:
    """Return the requests a second, and the 99th percentile of their latency in milliseconds."""
    command = ("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", *options)
    found = subprocess.run((*command, url), capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", found)
    latency = re.search(r"99%\s+([\d.]+)(us|ms|s)", found)
    assert rate
    assert latency
    scale = {"us": 1e-3, "ms": 1, "s": 1e3}[latency[2]]
    return f"{float(rate[1]):.0f}", f"{float(latency[1]) * scale:.0f}"
