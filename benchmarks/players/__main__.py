"""Shows that real players play the service's streams, from a cold and from a warm audio store.

Exit status 1 if a player that is installed fails. With `--write` the table goes to RESULTS.md.
"""

import re
import signal
import sys
import time
from argparse import ArgumentParser
from contextlib import closing
from pathlib import Path
from subprocess import CalledProcessError
from tempfile import TemporaryDirectory

from benchmarks.players import browsers, cases, report
from benchmarks.players.cases import Case, Check
from benchmarks.players.origin import Origin
from benchmarks.players.processes import NAMES, PlayerError, installed, run
from benchmarks.players.report import Run
from benchmarks.players.service import Service
from benchmarks.players.sound import make

PROGRAMS = {
    "ffprobe": ("ffprobe",),
    "ffmpeg": ("ffmpeg",),
    "mpv": ("mpv",),
    "cvlc": ("cvlc",),
    "curl": ("curl",),
    "wget": ("wget",),
    "chromium": browsers.CHROMIUM,
    "firefox": browsers.FIREFOX,
}


class Session:
    """The origin, the service and a folder, for as long as players are shown."""

    def __init__(self, folder: Path, origin: Origin, service: Service, audio: dict[str, Path]):
        self.folder, self.origin, self.service, self.audio = folder, origin, service, audio
        self._count = 0

    def show(self, case: Case) -> list[Run]:
        """Run a case at both stores."""
        self._count += 1
        original = self.audio[case.format]
        path = f"/{'broken' if case.broken else 'slow'}/{self._count}/{original.name}"
        folder = self.folder / str(self._count)
        runs = [self._once(case, "cold", case.check, path, folder)]
        self._await_store()
        then = case.then or case.check
        if case.then is None:
            folder = self.folder / f"{self._count}-warm"
        runs.append(self._once(case, "warm", then, path, folder))
        fetches = 2 if case.broken else 1
        if self.origin.asked[path] != fetches:
            runs[-1].failed = True
            runs[-1].shown += f" (but the origin was asked {self.origin.asked[path]} times)"
        return runs

    def _once(self, case: Case, store: str, check: Check, path: str, folder: Path) -> Run:
        folder.mkdir(exist_ok=True)
        clip = self.service.add_clip(f"{case.player}, {store}", self.origin.url + path)
        done, began = Run(store, clip), time.monotonic()
        try:
            done.shown = check(self.service.stream(clip), self.audio[case.format], folder)
        except (PlayerError, LookupError, ValueError, OSError, CalledProcessError) as error:
            done.failed, done.shown = True, f"{type(error).__name__}: {error}"
        done.seconds = time.monotonic() - began
        done.plays = self.service.plays(clip)
        verdict = "FAILED" if done.failed else "ok"
        print(
            f"{case.player:9}{case.does:48}{case.format:6}{store:6}{verdict:8}"
            f"{done.seconds:4.1f} s  {done.plays} plays  {done.shown}",
            flush=True,
        )
        return done

    def _await_store(self) -> None:
        """Until what is being fetched is whole."""
        deadline = time.monotonic() + 30
        while any(self.service.store.glob("*.part")):
            if time.monotonic() > deadline:
                raise RuntimeError("the store does not end its download")
            time.sleep(0.05)


def main() -> int:
    parser = ArgumentParser(description="Real players at work on the service's streams.")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    parser.add_argument("--only", choices=PROGRAMS, help="show this player alone")
    options = parser.parse_args()
    if options.write and options.only:
        parser.error("the results hold all players: --write and --only exclude each other")
    if not installed("ffmpeg"):
        print("ffmpeg, which makes the audio and reads recordings, is not installed")
        return 1
    asked = [options.only] if options.only else list(PROGRAMS)
    present = [name for name in asked if installed(*PROGRAMS[name])]
    skipped = [NAMES.get(name, name) for name in asked if name not in present]
    for name in skipped:
        print(f"skipped: {name} is not installed")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    with TemporaryDirectory(prefix="clips-players-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # for players and a database that are not root
        done = _show_all(folder, present)
        text = report.section(done, [_version(name, folder) for name in present], skipped)
    print(f"\n{text}")
    if options.write:
        report.write(text)
    failed = report.failures(done)
    print(f"\n{failed or 'None'} of {sum(len(runs) for _, runs in done)} runs failed")
    return 1 if failed else 0


def _show_all(folder: Path, present: list[str]) -> list[tuple[Case, list[Run]]]:
    audio = make(folder)
    with closing(Origin(folder)) as origin, closing(Service(folder / "local")) as service:
        session = Session(folder, origin, service, audio)
        chosen = (c for c in (*cases.cases(), *browsers.cases(origin)) if c.player in present)
        done = [(case, session.show(case)) for case in chosen]
    if report.failures(done):
        print("\nThe service's log:", *service.said, sep="\n")
    for _, runs in done:
        for one in runs:
            one.requests = service.requests(one.clip)
    return done


def _version(name: str, folder: Path) -> str:
    program = installed(*PROGRAMS[name])
    option = "-version" if name.startswith("ff") else "--version"
    said = run([program or name, option], folder, as_nobody=name == "cvlc")
    number = re.search(r"\d+[.\d]*\d", said)
    return f"{NAMES.get(name, name)} {number.group() if number else '?'}"


if __name__ == "__main__":
    sys.exit(main())
