"""Measure the public pages: `python -m benchmarks.pages [--write]`, or `make bench-pages`.

Chromium visits the first page on a slow network, and a client times every public page at a hundred
and at 100,000 clips. The two services are requested in turn, so that other load on the machine
affects both. wrk compares `/` with the list of the API, and plays are timed beside it.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.pages import loads
from benchmarks.pages.visits import Visit, visit
from benchmarks.results import today, write_section
from harness.chromium import running_browser
from harness.client import new_session
from harness.installation import Installation
from harness.service import Server

CLIPS = (100, 100_000)
GENERATE = "from benchmarks.pages.library import generate; generate({})"
WARM = 8  # requests before the visits: each process has compiled its templates
CARDS = 24  # on a page of the library
PATHS = {
    "the newest clips": "/",
    "a search for many": "/?q=piano",
    "a search for one": "/?q=piano+{one}",
    "a genre": "/?genre=jazz",
    "the last page": "/?page={last}",
    "a clip": "/clips/{newest}",
    "an embed": "/embed/{newest}",
    "the podcast": "/feed.xml",
    "the podcast of a genre": "/feed.xml?genre=jazz",
    "the JSON Feed": "/feed.json",
    "the index of sitemaps": "/sitemap.xml",
    "the first sitemap": "/sitemap-1.xml",
    "the index of the API": "/api/v1",
}
HEAD = """## Pages

`make bench-pages`, {}. Chromium with an empty cache, 400 ms to the first byte of each response and
400 kbit/s; the time to connect is not part of it.
"""
TIMES = """
Milliseconds until the whole response, compressed, median of {} after the first. Feeds are then
answered from memory. A sitemap has up to 10,000 clips.
"""
VISITS = "first page | requests | kB | first paint, s | usable, s | layout shift | foreign hosts"
GZIP = {"Accept-Encoding": "gzip"}


def main() -> None:
    """Generate the libraries, measure, and print the sections."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seconds", type=int, default=10, help="of each load")
    parser.add_argument("--write", action="store_true", help="update RESULTS.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clips-pages-") as name, ExitStack() as running:
        folder = Path(name)
        folder.chmod(0o755)
        servers: dict[int, Server] = {}
        for clips in CLIPS:
            installation = Installation(folder, POSTGRES_DB=f"clips_{clips}")
            installation.prepare()
            installation.run_python(GENERATE.format(clips))
            servers[clips] = running.enter_context(installation.start())
        lines = []
        for line in _lines(servers, options.rounds, options.seconds):
            print(line, flush=True)
            lines.append(line)
    if options.write:
        write_section("pages", "\n".join(lines))


def _lines(servers: dict[int, Server], rounds: int, seconds: int) -> Iterator[str]:
    yield HEAD.format(today())
    yield from _visits(servers)
    yield TIMES.format(rounds)
    yield from _times(servers, rounds)
    yield ""
    yield from loads.table(servers[CLIPS[-1]], seconds)


def _visits(servers: dict[int, Server]) -> Iterator[str]:
    yield f"| {VISITS} |"
    yield "|---|---|---|---|---|---|---|"
    with running_browser() as browser, new_session() as session:
        for clips, server in servers.items():
            for _ in range(WARM):
                session.get(f"{server.url}/", timeout=60)
            for name, width in (("desktop", 1280), ("phone", 360)):
                found = visit(browser, f"{server.url}/", slow=True, width=width)
                yield f"| {clips:,} clips, {name} | {_facts(found, server.url)} |"


def _facts(found: Visit, url: str) -> str:
    usable = "no player" if found.usable is None else f"{found.usable / 1e3:.2f}"
    if found.usable is not None and not found.started:
        usable += ", but nothing plays"
    foreign = {urlsplit(each).netloc for each in found.by_url} - {urlsplit(url).netloc}
    return (
        f"{found.requests} | {found.transferred / 1e3:.1f} | {found.paint / 1e3:.2f} | {usable} | "
        f"{found.shift:.4f} | {', '.join(foreign) or 'none'}"
    )


def _times(servers: dict[int, Server], rounds: int) -> Iterator[str]:
    yield f"| page | {' | '.join(f'{clips:,} clips' for clips in servers)} | ratio | kB |"
    yield "|---|---|---|---|---|"
    with ExitStack() as sessions:
        session = {clips: sessions.enter_context(new_session()) for clips in servers}
        for name, path in PATHS.items():
            urls = {clips: server.url + _path(path, clips) for clips, server in servers.items()}
            times: dict[int, list[float]] = {clips: [] for clips in servers}
            for _ in range(rounds + 1):
                for clips, url in urls.items():
                    began = time.perf_counter()
                    response = session[clips].get(url, headers=GZIP, timeout=60)
                    times[clips].append((time.perf_counter() - began) * 1e3)
            if response.status_code == 404:
                continue  # a page that this version does not have
            response.raise_for_status()
            few, many = (statistics.median(each[1:]) for each in times.values())
            kilobytes = int(response.headers["Content-Length"]) / 1e3
            yield (
                f"| {name}: `{path}` | {few:.1f} | {many:.1f} | {many / few:.2f} "
                f"| {kilobytes:.1f} |"
            )


def _path(path: str, clips: int) -> str:
    """Return the path in a library of so many clips."""
    one = clips - clips % 6 + 1  # the number in a title with "Piano"
    return path.format(newest=clips, last=-(-clips // CARDS), one=one)


if __name__ == "__main__":
    main()
