"""What listeners notice while an editor changes all clips: `python -m benchmarks.bulk_edit`.

A library of many clips, listeners who come at a steady rate and each hear a clip at random, and an
editor who edits every clip in the back office at once. Told are the plays that failed, and how long
the others took.
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

from benchmarks.monitored.service import Postgres, Service
from benchmarks.results import write_section

LISTENERS = 20  # who come in a second
FILL = """
from benchmarks.scale.generate import generate
from django.contrib.auth.models import User
from library.models import Clip
audio = Clip.objects.exclude(audio_file="")[0].audio_file.name
generate({clips}, {clips})
Clip.objects.update(audio_url="", audio_file=audio)
User.objects.create_superuser("editor", password="editor")
"""
HEAD = """## An edit of all clips

`python -m benchmarks.bulk_edit`, {}: {:,} clips, {} listeners a second on any of them, and
an editor who gives all another genre and a tag: {:.0f} s from the confirmation on. Milliseconds to
the end of the audio.

| while | plays | failed | median | worst |
|---|---|---|---|---|"""
LIST = "/admin/library/clip/"
Heard = list[tuple[int, float]]  # of each who came the answer's status, and seconds to its end


def main() -> None:
    """Make the library, measure, and print or note what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--write", action="store_true", help="note it in RESULTS.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clips-bulk-edit-") as name:
        folder = Path(name)
        postgres = Postgres(folder / "postgres")
        try:
            with Service(folder, postgres) as service:
                service.run("manage.py", "collectstatic", "--noinput", "--verbosity", "0")
                service.run("manage.py", "shell", "-c", FILL.format(clips=options.clips))
                text = _measure(service, options.clips)
        finally:
            postgres.close()
    print(text)
    if options.write:
        write_section("bulk-edit", text)


def _measure(service: Service, clips: int) -> str:
    editor, token = _editor(service)
    with _listening(service, clips) as quiet:
        time.sleep(20)
    with _listening(service, clips) as busy:
        took = _edit(service, editor, token)
    rows = [_row("nothing else happens", quiet), _row("it is edited", busy)]
    return "\n".join([HEAD.format(time.strftime("%Y-%m-%d"), clips, LISTENERS, took), *rows])


def _row(title: str, heard: Heard) -> str:
    times = [1e3 * seconds for _, seconds in heard]
    failed = sum(status != requests.codes.ok for status, _ in heard)
    median, worst = statistics.median(times), max(times)
    return f"| {title} | {len(heard):,} | {failed:,} | {median:.0f} | {worst:,.0f} |"


def _editor(service: Service) -> tuple[requests.Session, str]:
    """A session of the editor, and what its forms must send."""
    session = requests.Session()
    page = session.get(f"{service.url}/admin/login/", timeout=30).text
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    form = {"username": "editor", "password": "editor", "csrfmiddlewaretoken": found and found[1]}
    session.post(f"{service.url}/admin/login/", data=form, timeout=30).raise_for_status()
    return session, session.cookies["csrftoken"]


def _edit(service: Service, editor: requests.Session, token: str) -> float:
    """Edit all clips; returns the seconds from the confirmation on."""
    form = {"action": "bulk_edit", "select_across": "1", "_selected_action": "1"}
    form |= {"csrfmiddlewaretoken": token, "genre": "jazz", "add_tags": "edited", "step": "preview"}
    page = editor.post(service.url + LIST, data=form, timeout=600)
    found = re.search(r'name="version" value="([^"]+)"', page.text)
    if found is None:
        raise RuntimeError("The back office shows no preview.")
    began = time.monotonic()
    form |= {"step": "apply", "version": found[1]}
    answer = editor.post(service.url + LIST, data=form, timeout=600, allow_redirects=False)
    if answer.status_code != requests.codes.found:
        raise RuntimeError("The back office did not do as it was told.")
    return time.monotonic() - began


@contextmanager
def _listening(service: Service, clips: int) -> Iterator[Heard]:
    """Listeners come until the block ends; what they heard is there after it."""
    heard: Heard = []
    over = Event()

    def listen(clip: int) -> tuple[int, float]:
        began = time.monotonic()
        answer = requests.get(f"{service.url}/api/v1/clips/{clip}/stream", timeout=60)
        return answer.status_code, time.monotonic() - began

    def come() -> None:
        came: list[Future[tuple[int, float]]] = []
        with ThreadPoolExecutor(64) as pool:
            while not over.wait(1 / LISTENERS):
                came.append(pool.submit(listen, random.randint(1, clips)))
        heard.extend(future.result() for future in came)

    coming = Thread(target=come)
    coming.start()
    try:
        yield heard
    finally:
        over.set()
        coming.join()


if __name__ == "__main__":
    main()
