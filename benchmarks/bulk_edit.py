"""Measure streams while an editor changes all clips: `python -m benchmarks.bulk_edit [--write]`.

Listeners arrive at a steady rate and each fetch a random clip, before and while an editor edits
every clip in the back office at once. The table shows failed plays and the duration of streams.
"""

import argparse
import random
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import requests

from benchmarks.results import today, write_section
from harness.client import log_in
from harness.installation import Installation
from harness.service import Server

LISTENERS = 20  # per second
FILL = """
from benchmarks.scale.generate import generate
from library.models import Clip
audio = Clip.objects.exclude(audio_file="")[0].audio_file.name
generate({clips}, {clips})
Clip.objects.update(audio_url="", audio_file=audio)
"""
HEAD = """## An edit of all clips

`python -m benchmarks.bulk_edit`, {}: {:,} clips and {} listeners per second, each of a random
clip. An editor gives all clips another genre and a tag, which takes {:.0f} s after the
confirmation. Milliseconds until the end of the audio.

| while | plays | failed | median | worst |
|---|---|---|---|---|"""
LIST = "/admin/library/clip/"
Streams = list[tuple[int, float]]  # status, and seconds to the end of the response


def main() -> None:
    """Generate the library, measure, and print the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--write", action="store_true", help="write the section to RESULTS.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clips-bulk-edit-") as name:
        installation = Installation(Path(name))
        installation.prepare("--first-accounts")
        installation.run_python(FILL.format(clips=options.clips))
        with installation.start() as server:
            text = _measure(server, options.clips)
    print(text)
    if options.write:
        write_section("bulk-edit", text)


def _measure(server: Server, clips: int) -> str:
    with _listeners(server, clips) as before:
        time.sleep(20)
    with _listeners(server, clips) as during:
        took = _edit(server)
    rows = [_row("nothing else happens", before), _row("it is edited", during)]
    return "\n".join([HEAD.format(today(), clips, LISTENERS, took), *rows])


def _row(title: str, streams: Streams) -> str:
    times = [1e3 * seconds for _, seconds in streams]
    failed = sum(status != requests.codes.ok for status, _ in streams)
    median, worst = statistics.median(times), max(times)
    return f"| {title} | {len(streams):,} | {failed:,} | {median:.0f} | {worst:,.0f} |"


def _edit(server: Server) -> float:
    """Edit all clips; return the seconds after the confirmation."""
    editor = log_in(server.url)
    form = {"action": "bulk_edit", "select_across": "1", "_selected_action": "1"}
    form |= {"csrfmiddlewaretoken": editor.cookies["csrftoken"], "step": "preview"}
    form |= {"genre": "jazz", "add_tags": "edited"}
    page = editor.post(server.url + LIST, data=form, timeout=600)
    found = re.search(r'name="version" value="([^"]+)"', page.text)
    if found is None:
        raise RuntimeError("The back office shows no preview.")
    began = time.monotonic()
    form |= {"step": "apply", "version": found[1]}
    answer = editor.post(server.url + LIST, data=form, timeout=600, allow_redirects=False)
    if answer.status_code != requests.codes.found:
        raise RuntimeError("The back office did not apply the edit.")
    return time.monotonic() - began


@contextmanager
def _listeners(server: Server, clips: int) -> Iterator[Streams]:
    """Fetch streams until the block ends; the list is filled when it has ended."""
    streams: Streams = []
    over = Event()

    def listen(clip: int) -> tuple[int, float]:
        began = time.monotonic()
        answer = requests.get(f"{server.url}/api/v1/clips/{clip}/stream", timeout=60)
        return answer.status_code, time.monotonic() - began

    def arrive() -> None:
        arrived: list[Future[tuple[int, float]]] = []
        with ThreadPoolExecutor(64) as pool:
            while not over.wait(1 / LISTENERS):
                arrived.append(pool.submit(listen, random.randint(1, clips)))
        streams.extend(future.result() for future in arrived)

    arrivals = Thread(target=arrive)
    arrivals.start()
    try:
        yield streams
    finally:
        over.set()
        arrivals.join()


if __name__ == "__main__":
    main()
