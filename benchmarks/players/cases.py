"""The cases: the action of each player, and the result that it must show."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.players.processes import PlayerError, run
from benchmarks.players.sound import FORMATS, Heard, heard

# Called with the stream's URL, the original file and a folder; returns a description of the result.
Check = Callable[[str, Path, Path], str]
# Called with a stream's URL or a file, and the file to record to; returns the command.
Command = Callable[[str, Path], list[str]]

BROKE_OFF = (18, 56)  # curl's exit statuses: partial file; failure in receiving


@dataclass(frozen=True)
class Case:
    """A player's action on audio in one format.

    `then` replaces the check when the store is warm. The origin of a `broken` case breaks off its
    first response.
    """

    player: str
    does: str
    format: str
    check: Check
    then: Check | None = None
    broken: bool = False


def with_a_recording(command: Command, *, as_nobody: bool = False) -> Check:
    """Check that the player records the same part of the stream as of a local file."""

    def record(url: str, original: Path, folder: Path) -> Heard:
        recording = folder / "recording.wav"
        run(command(url, recording), folder, as_nobody=as_nobody)
        if not recording.exists():
            raise PlayerError("nothing was played")
        return heard(recording, original)

    @cache
    def of_the_file(original: Path) -> Heard:
        with TemporaryDirectory(dir=original.parent) as folder:
            return record(str(original), original, Path(folder))

    def check(url: str, original: Path, folder: Path) -> str:
        found, expected = record(url, original, folder), of_the_file(original)
        if not found.is_like(expected):
            raise PlayerError(f"{found} (likeness {found.likeness:.2f}), of the file {expected}")
        return str(found)

    return check


def ffmpeg(url: str, recording: Path) -> list[str]:
    return ["ffmpeg", "-v", "error", "-i", url, str(recording)]


def ffmpeg_from_20(url: str, recording: Path) -> list[str]:
    return ["ffmpeg", "-v", "error", "-ss", "20", "-i", url, "-t", "2", str(recording)]


def mpv_from_20(url: str, recording: Path) -> list[str]:
    options = ["--no-config", "--no-video", "--msg-level=all=warn", "--start=20", "--length=2"]
    return ["mpv", *options, "--ao=pcm", f"--ao-pcm-file={recording}", url]


def vlc_from_20(url: str, recording: Path) -> list[str]:
    options = ["--intf", "dummy", "--no-video", "--start-time", "20", "--run-time", "2"]
    output = ["--aout", "afile", "--audiofile-file", str(recording)]
    return ["cvlc", *options, *output, "--play-and-exit", url]


def ffprobe(url: str, original: Path, folder: Path) -> str:
    """Check that ffprobe reports the duration of the file."""
    of_stream, of_file = (_duration(source, folder) for source in (url, str(original)))
    if abs(of_stream - of_file) > 0.1:
        raise PlayerError(f"{of_stream:.2f} s, of the file {of_file:.2f} s")
    return f"{of_stream:.2f} s"


def _duration(source: str, folder: Path) -> float:
    command = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "json"]
    return float(json.loads(run([*command, source], folder))["format"]["duration"])


def fetched_by(command: list[str], part: float) -> Check:
    """Check that the command completes a partially downloaded file."""

    def check(url: str, original: Path, folder: Path) -> str:
        target, body = folder / "fetched", original.read_bytes()
        if part:
            target.write_bytes(body[: int(part * len(body))])
        run([*command, str(target), url], folder)
        return _same_bytes(target, original)

    return check


def curl_fails(version: str) -> Check:
    """Check that curl fails when the connection breaks off."""

    def check(url: str, original: Path, folder: Path) -> str:
        target = folder / "fetched"
        command = ["curl", "-sS", version, "-w", "%{exitcode}", "-o", str(target), url]
        status = run(command, folder, statuses=BROKE_OFF)
        got, size = target.stat().st_size, original.stat().st_size
        if not 0 < got < size:
            raise PlayerError(f"{got} of {size} bytes")
        return f"exit status {status}, {100 * got / size:.0f} % fetched"

    return check


def curl_resumes(url: str, original: Path, folder: Path) -> str:
    """Check that curl fetches the rest, once the service no longer remembers the failure."""
    command = ["curl", "-sSf", "--retry", "9", "--retry-delay", "1", "-C", "-", "-o"]
    run([*command, str(folder / "fetched"), url], folder)
    return _same_bytes(folder / "fetched", original)


def _same_bytes(target: Path, original: Path) -> str:
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (target, original)]
    if hashes[0] != hashes[1]:
        raise PlayerError(f"{target.stat().st_size} bytes, not those of the file")
    return f"all {original.stat().st_size} bytes, by SHA-256"


def cases() -> Iterator[Case]:
    """Yield the cases of all players except browsers."""
    vlc = with_a_recording(vlc_from_20, as_nobody=True)  # VLC refuses to run as root
    for player, does, check in (
        ("ffprobe", "reports the duration", ffprobe),
        ("ffmpeg", "decodes the whole clip", with_a_recording(ffmpeg)),
        ("ffmpeg", "`-ss 20 -t 2`", with_a_recording(ffmpeg_from_20)),
        ("mpv", "`--start=20 --length=2`", with_a_recording(mpv_from_20)),
        ("cvlc", "`--start-time 20 --run-time 2`", vlc),
    ):
        for name in FORMATS:
            yield Case(player, does, name, check)
    curl, resume = ["curl", "-sS", "-o"], ["curl", "-sS", "-C", "-", "-o"]
    wget = ["wget", "-nv", "--no-hsts", "--tries=1", "-O"]
    wget_on = ["wget", "-nv", "--no-hsts", "--tries=1", "-c", "-O"]
    yield Case("curl", "fetches", "m4a", fetched_by(curl, 0))
    yield Case("curl", "`-C -` of a half", "m4a", fetched_by(resume, 0.5))
    yield Case("curl", "`-C -` of the whole", "m4a", fetched_by(resume, 1))
    yield Case("wget", "fetches", "m4a", fetched_by(wget, 0))
    yield Case("wget", "`-c` of a half", "m4a", fetched_by(wget_on, 0.5))
    yield Case("wget", "`-c` of the whole", "m4a", fetched_by(wget_on, 1))
    for version in ("--http1.1", "--http1.0"):
        does = f"`{version}`, the origin breaks off; then `-C -`"
        # Not m4a with its index at the end: that is an error, because its type is not known before.
        yield Case("curl", does, "mp3", curl_fails(version), curl_resumes, broken=True)
