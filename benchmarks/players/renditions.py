"""Players on renditions: one clip in each format and quality, as the service makes them."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from subprocess import CalledProcessError

from benchmarks.players.cases import Case
from benchmarks.players.processes import NAMES, PlayerError
from harness.client import add_clip, new_session
from harness.installation import Installation
from harness.service import ROOT

# The checks of players are by the format of the file. Those of the original's name fit these.
FORMATS = {"mp3": "mp3", "opus": "ogg", "aac": "m4a"}
QUALITIES = ("low", "high")
TIMEOUT = 120  # seconds to make a rendition
DOWNLOADERS = ("curl", "wget")  # which do not care about the format


@dataclass(frozen=True)
class Played:
    """A player's result on a rendition."""

    case: Case
    rendition: str
    shown: str
    failed: bool

    def row(self) -> str:
        """Return the result as a row of a table."""
        player = NAMES.get(self.case.player, self.case.player)
        shown = f"**failed**: {self.shown}" if self.failed else self.shown
        return f"| {player} | {self.case.does} | {self.rendition} | {shown} |"


@contextmanager
def worker(installation: Installation) -> Iterator[None]:
    """Run a worker of tasks, which makes the renditions."""
    command = [sys.executable, "manage.py", "worker"]
    with (installation.folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | installation.environment, stdout=log, stderr=log
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def play_all(url: str, source: str, folder: Path, chosen: Iterable[Case]) -> Iterator[Played]:
    """Add a clip with the audio at `source`, and play each rendition with each player."""
    clip = add_clip(url, "renditions", source)
    cases = [case for case in chosen if not case.broken and case.player not in DOWNLOADERS]
    for form, quality in product(FORMATS, QUALITIES):
        stream = f"{url}/api/v1/clips/{clip}/stream?part=whole&format={form}&quality={quality}"
        original = folder / f"{quality}.{FORMATS[form]}"
        original.write_bytes(_made(stream))
        for number, case in enumerate(cases):
            if case.format == FORMATS[form]:
                place = folder / f"{form}-{quality}-{number}"
                place.mkdir()
                yield _played(case, f"{form}, {quality}", stream, original, place)


def _made(stream: str) -> bytes:
    """Return the rendition, once it has been made."""
    deadline = time.monotonic() + TIMEOUT
    with new_session() as session:
        while True:
            answer = session.get(stream, timeout=20)
            if answer.status_code != 503 or time.monotonic() > deadline:
                answer.raise_for_status()
                return answer.content
            time.sleep(float(answer.headers["Retry-After"]))


def _played(case: Case, rendition: str, url: str, original: Path, folder: Path) -> Played:
    failed = False
    try:
        shown = case.check(url, original, folder)
    except (PlayerError, LookupError, ValueError, OSError, CalledProcessError) as error:
        failed, shown = True, f"{type(error).__name__}: {error}"
    verdict = "FAILED" if failed else "ok"
    print(f"{case.player:9}{case.does:48}{rendition:12}{verdict:8}{shown}", flush=True)
    return Played(case, rendition, shown, failed)
