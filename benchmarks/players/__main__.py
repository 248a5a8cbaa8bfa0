"""Check that real players play the service's streams, from a cold and from a warm audio store.

`make players` writes the table to RESULTS.md (`--write`). The exit status is 1 if a player that is
installed fails. `make system-tools` installs some players; the others are the apt packages
firefox-esr, mpv, vlc and wget.
"""

import re
import signal
import sys
import time
from argparse import ArgumentParser
from itertools import chain, repeat
from pathlib import Path
from subprocess import CalledProcessError
from tempfile import TemporaryDirectory

from benchmarks.players import (
    browsers,
    cases,
    public_page,
    renditions,
    report,
    request_log,
)
from benchmarks.players.cases import Case, Check
from benchmarks.players.processes import NAMES, PlayerError, installed, run
from benchmarks.players.renditions import Played
from benchmarks.players.report import Run
from benchmarks.players.sound import encode_samples
from benchmarks.results import write_section
from harness.client import add_clip, new_session
from harness.installation import Installation
from harness.origin import Handler, Origin, answer, paced
from harness.service import Server
from harness.waiting import until

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
BYTES_PER_SECOND = 250_000  # the audio takes 1.5 to 4 s, so players read it while it arrives


class Session:
    """The origin, the service and a folder, shared by all cases."""

    def __init__(
        self, folder: Path, origin: Origin, server: Server, store: Path, audio: dict[str, Path]
    ):
        self.folder, self.origin, self.server = folder, origin, server
        self.store, self.audio = store, audio
        self._count = 0

    def run(self, case: Case) -> list[Run]:
        """Run a case with a cold store, then with the warm one."""
        self._count += 1
        original = self.audio[case.format]
        path = f"/{self._count}/{original.name}"
        self.origin.on(path, _audio(original.read_bytes(), breaks_off=case.broken))
        folder = self.folder / str(self._count)
        runs = [self._run_once(case, "cold", case.check, path, folder)]
        until(lambda: not any(self.store.glob("*.part")))  # the download is complete
        if case.then is None:
            folder = self.folder / f"{self._count}-warm"
        runs.append(self._run_once(case, "warm", case.then or case.check, path, folder))
        requests = self.origin.request_counts[path]
        if requests != (2 if case.broken else 1):
            runs[-1].failed = True
            runs[-1].shown += f" (but the origin was requested {requests} times)"
        return runs

    def _run_once(self, case: Case, store: str, check: Check, path: str, folder: Path) -> Run:
        folder.mkdir(exist_ok=True)
        clip = add_clip(self.server.url, f"{case.player}, {store}", self.origin.url(path))
        url, original = self.server.url + _stream(clip), self.audio[case.format]
        done, began = Run(store, clip), time.monotonic()
        try:
            done.shown = check(url, original, folder)
        except (PlayerError, LookupError, ValueError, OSError, CalledProcessError) as error:
            done.failed, done.shown = True, f"{type(error).__name__}: {error}"
        done.seconds = time.monotonic() - began
        with new_session() as session:
            stats = session.get(f"{self.server.url}/api/v1/clips/{clip}/stats", timeout=20)
        done.plays = stats.json()["play_count"]
        verdict = "FAILED" if done.failed else "ok"
        print(
            f"{case.player:9}{case.does:48}{case.format:6}{store:6}{verdict:8}"
            f"{done.seconds:4.1f} s  {done.plays} plays  {done.shown}",
            flush=True,
        )
        return done


def _stream(clip: int) -> str:
    return f"/api/v1/clips/{clip}/stream"


def _audio(body: bytes, *, breaks_off: bool) -> Handler:
    """Send the audio slowly; break off the first response half-way if `breaks_off`."""
    whole = paced(body, BYTES_PER_SECOND)
    half = paced(body, BYTES_PER_SECOND, end=len(body) // 2)
    handlers = chain([half] if breaks_off else [], repeat(whole))
    return lambda connection, request: next(handlers)(connection, request)


def main() -> int:
    parser = ArgumentParser(description="Check that real players play the service's streams.")
    parser.add_argument("--write", action="store_true", help="write the table to RESULTS.md")
    parser.add_argument("--only", choices=PROGRAMS, help="run only this player")
    options = parser.parse_args()
    if options.write and options.only:
        parser.error("--write and --only exclude each other: the results contain all players")
    if not installed("ffmpeg"):
        print("ffmpeg is not installed; it makes the audio and reads the recordings")
        return 1
    wanted = [options.only] if options.only else list(PROGRAMS)
    present = [name for name in wanted if installed(*PROGRAMS[name])]
    skipped = [NAMES.get(name, name) for name in wanted if name not in present]
    for name in skipped:
        print(f"skipped: {name} is not installed")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    with TemporaryDirectory(prefix="clips-players-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # players that do not run as root must reach their files
        done, played = _run_all(folder, present)
        versions = [_version(name, folder) for name in present]
        text = report.section(done, played, versions, skipped)
    print(f"\n{text}")
    if options.write:
        write_section("players", text)
    failed = report.failures(done) + sum(each.failed for each in played)
    total = sum(len(runs) for _, runs in done) + len(played)
    print(f"\n{failed or 'None'} of {total} runs failed")
    return 1 if failed else 0


def _run_all(folder: Path, present: list[str]) -> tuple[list[tuple[Case, list[Run]]], list[Played]]:
    audio = encode_samples(folder)
    (folder / "service").mkdir()
    installation = Installation(
        folder / "service",
        CLIPS_ACCESS_LOG="on",
        GUNICORN_CMD_ARGS=request_log.GUNICORN_ARGUMENTS,
    )
    installation.prepare()
    with Origin() as origin, installation.start() as server:
        session = Session(folder, origin, server, installation.audio_store, audio)
        every = (*cases.cases(), *browsers.cases(origin))
        chosen = [case for case in every if case.player in present]
        pages = [case for case in public_page.cases() if case.player in present]
        done = [(case, session.run(case)) for case in (*chosen, *pages)]
        with renditions.worker(installation):
            source = origin.on("/renditions.mp3", answer(audio["mp3"].read_bytes()))
            place = folder / "renditions"
            place.mkdir()
            place.chmod(0o755)  # as the folder
            played = [*renditions.play_all(server.url, source, place, chosen)]
        server.terminate()  # lets streams finish, so that their requests are logged
        server.wait()
    if report.failures(done):
        print("\nThe service's log:", server.log.read_text(), sep="\n")
    requests = request_log.read_requests(server.log)
    for _, runs in done:
        for one in runs:
            one.requests = requests[_stream(one.clip)]
    return done, played


def _version(name: str, folder: Path) -> str:
    program = installed(*PROGRAMS[name])
    option = "-version" if name.startswith("ff") else "--version"
    output = run([program or name, option], folder, as_nobody=name == "cvlc")
    number = re.search(r"\d+[.\d]*\d", output)
    return f"{NAMES.get(name, name)} {number.group() if number else '?'}"


if __name__ == "__main__":
    sys.exit(main())
