"""Time the first byte of audio that is not in the store: `python -m benchmarks.cold [--write]`.

The origin waits 50 ms and then sends 250 kB/s. Each try uses a new URL. The service's first byte is
compared with a direct request to the origin by `requests`, alternately. The exit status is 1 if the
service takes more than 1.2 times as long (medians).
"""

import statistics
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from tqdm import trange

from benchmarks.results import today, write_section
from harness.client import add_clip
from harness.installation import Installation
from harness.origin import SAMPLES, Origin, paced
from harness.service import Server

DELAY, RATE, SIZE = 0.05, 250_000, 150_000  # seconds, bytes per second, bytes
LIMIT = 1.2
WORKERS = 2
SECTION = """\
## First byte of new audio

`python -m benchmarks.cold`, {date}. The origin waits 50 ms and then sends 250 kB/s; {tries} tries
with a new URL each; ms.

| | median | fastest | slowest | ratio |
|---|---|---|---|---|
{rows}

The first request of a worker took up to {first:.1f} ms."""


def first_byte(url: str) -> float:
    """Fetch audio to its end; return the milliseconds until its first byte."""
    began = time.perf_counter()
    with requests.get(url, stream=True, timeout=20) as answer:
        answer.raise_for_status()
        answer.raw.read(1)
        taken = time.perf_counter() - began
        assert 1 + len(answer.raw.read()) == SIZE
    return taken * 1000


def measure(server: Server, origin: Origin, tries: int) -> tuple[list[float], list[float]]:
    """Return the times of direct requests and of the service's streams."""
    direct, streamed = [], []
    for n in trange(tries, desc="Cold streams", unit="try"):
        direct.append(first_byte(origin.url(f"/direct-{n}.mp3")))
        clip = add_clip(server.url, f"Cold {n}", origin.url(f"/{n}.mp3"))
        streamed.append(first_byte(f"{server.url}/api/v1/clips/{clip}/stream"))
    return direct, streamed


def main() -> int:
    """Measure, and print the section."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=40)
    parser.add_argument("--write", action="store_true", help="write the section to RESULTS.md")
    options = parser.parse_args()
    body = max((sample.read_bytes() for sample in SAMPLES), key=len)[:SIZE]
    with (
        TemporaryDirectory(prefix="clips-cold-") as folder,
        Origin(default=paced(body, RATE)) as origin,
    ):
        origin.delay = DELAY
        installation = Installation(Path(folder), WEB_CONCURRENCY=str(WORKERS))
        installation.prepare()
        with installation.start() as server:
            direct, streamed = measure(server, origin, options.tries)
    first, streamed = streamed[:WORKERS], streamed[WORKERS:]
    bare = statistics.median(direct)
    ratio = statistics.median(streamed) / bare
    rows = [
        f"| {name} | {statistics.median(times):.1f} | {min(times):.1f} | {max(times):.1f} "
        f"| {statistics.median(times) / bare:.2f} |"
        for name, times in (("bare `requests`", direct), ("this service", streamed))
    ]
    text = SECTION.format(date=today(), tries=options.tries, rows="\n".join(rows), first=max(first))
    print(text)
    if options.write:
        write_section("cold", text)
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
