"""The rule for what counts as a play, applied to the requests of real players."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from harness.service import Server
from library.models import Clip
from tests.settings import LOCAL
from tests.support.plays import plays_of, stream

Http = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]

needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="needs curl: make system-tools")
needs_ffmpeg = pytest.mark.skipif(
    not shutil.which("ffmpeg"), reason="needs ffmpeg: make system-tools"
)

# The requests of players, one a line, with the status of the response. {etag} and {size} are the
# audio's. `make players` shows these requests; those of Safari come from reports of its users.
PLAYED = {
    "Chromium, seeking twice and revalidating its copy": """
        206 Range: bytes=0-
        206 Range: bytes=300000- | If-Range: {etag}
        206 Range: bytes=65536- | If-Range: {etag}
        304 If-None-Match: {etag}""",
    "Chromium, seeking back to the beginning": """
        206 Range: bytes=0-
        206 Range: bytes=300000- | If-Range: {etag}
        206 Range: bytes=0-65535 | If-Range: {etag}""",
    "Firefox": """
        206 Range: bytes=0-
        206 Range: bytes=300000- | If-Range: {etag}
        304 If-None-Match: {etag}""",
    "Safari, probing and then requesting everything": """
        206 Range: bytes=0-1
        206 Range: bytes=0-
        206 Range: bytes=0-""",
    "Safari, probing and then requesting pieces": """
        206 Range: bytes=0-1
        206 Range: bytes=0-65535
        206 Range: bytes=65536-131071 | If-Range: {etag}
        206 Range: bytes=131072- | If-Range: {etag}""",
    "ffmpeg, reading the index at the end and going back": """
        206 Range: bytes=0-
        206 Range: bytes=400000-
        206 Range: bytes=44-
        206 Range: bytes=0-""",
    "VLC": """
        206 Range: bytes=0-
        206 Range: bytes=320045- | If-Match: {etag}
        206 Range: bytes=67- | If-Match: {etag}""",
    "mpv": """
        206 Range: bytes=0-
        206 Range: bytes=401133-
        206 Range: bytes=332620-""",
    "wget": "200 Accept: */*",
    "a suffix range longer than the file": "206 Range: bytes=-99999999",
    "several ranges, answered with the whole file": "200 Range: bytes=0-9,20-29",
    "an invalid range": "200 Range: bytes=5-2",
    "a resumed download of changed audio, answered with the whole file":
        '200 Range: bytes=300000- | If-Range: "other"',
    "a range of three bytes": "206 Range: bytes=0-2",
    "a probe, and then only the rest": """
        206 Range: bytes=0-1
        206 Range: bytes=2-""",
    "one byte, and then the rest": """
        206 Range: bytes=0-0
        206 Range: bytes=1-""",
    "everything in two halves, and a seek": """
        206 Range: bytes=0-1023
        206 Range: bytes=1024-
        206 Range: bytes=2-""",
    "the beginning byte by byte": """
        206 Range: bytes=0-0
        206 Range: bytes=1-1
        206 Range: bytes=2-2
        206 Range: bytes=3-""",
    "the halves in reverse": """
        206 Range: bytes=1024-
        206 Range: bytes=1-1023
        206 Range: bytes=0-1""",
    "a probe, the rest, and everything again": """
        206 Range: bytes=0-1
        206 Range: bytes=2-
        206 Range: bytes=0-""",
    "all but the first byte": "206 Range: bytes=1-",
}  # fmt: skip
NOT_PLAYED = {
    "a probe of two bytes": "206 Range: bytes=0-1",
    "a probe of one byte": "206 Range: bytes=0-0",
    "a resumed download": "206 Range: bytes=3-",
    "probes": """
        206 Range: bytes=0-1
        206 Range: bytes=0-0
        206 Range: bytes=1-1""",
    "a resumed download that was complete": "416 Range: bytes={size}-",
    "a range at the end": "206 Range: bytes=-128",
    "a copy that is still valid": "304 If-None-Match: {etag}",
    "a copy of any version": "304 If-None-Match: *",
    "a copy of a part that is still valid": "304 If-None-Match: {etag} | Range: bytes=0-",
    "a seek in changed audio": '412 If-Match: "other" | Range: bytes=320045-',
    "a start of changed audio": '412 If-Match: "other" | Range: bytes=0-',
    "a prefetched page": "200 Sec-Purpose: prefetch",
    "a prerendered page": "206 Sec-Purpose: prefetch;prerender | Range: bytes=0-",
}


def send_requests(http: Http, clip: Clip, script: str) -> None:
    """Send the requests of a script and check the statuses of the responses."""
    head = http("HEAD", stream(clip)).headers
    for line in script.strip().splitlines():
        status, fields = line.format(etag=head["ETag"], size=head["Content-Length"]).split(None, 1)
        headers = dict(field.split(": ", 1) for field in fields.split(" | "))
        response = http("GET", stream(clip), headers={"User-Agent": "a player"} | headers)
        assert (line, response.status_code) == (line, int(status))


@pytest.mark.parametrize(("scripts", "plays"), [(PLAYED, 1), (NOT_PLAYED, 0)])
def test_requests_of_one_listening_count_once_and_other_requests_never(
    http: Http, make_clip: MakeClip, scripts: dict[str, str], plays: int
) -> None:
    clips = {name: make_clip() for name in scripts}
    for name, script in scripts.items():
        send_requests(http, clips[name], script)
    assert {name: plays_of(clip) for name, clip in clips.items()} == dict.fromkeys(scripts, plays)


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-"}])
def test_head_is_not_a_play(http: Http, clip: Clip, headers: dict[str, str]) -> None:
    assert http("HEAD", stream(clip), headers=headers).status_code == 200
    assert plays_of(clip) == 0


def test_each_plain_get_is_a_play(http: Http, clip: Clip) -> None:
    for _ in range(3):
        http("GET", stream(clip))
    assert plays_of(clip) == 3


def test_audio_that_cannot_be_fetched_is_not_a_play(http: Http, make_clip: MakeClip) -> None:
    clip = make_clip(audio_url="http://127.0.0.1:9/unreachable.mp3")
    assert http("GET", stream(clip)).status_code == 502
    assert plays_of(clip) == 0


def run(*command: str | Path) -> bytes:
    """Run a program and return its output, whatever its exit status."""
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    return result.stdout


# Options of curl, the number of runs, and the plays that these make.
CURL = {
    "": (3, 3),
    "--range 0-": (3, 1),
    "--range 0-1": (1, 0),
    "--head": (1, 0),
    "--etag-compare {folder}/etag": (2, 0),
    "--continue-at - --output {folder}/half": (1, 0),
    "--continue-at - --output {folder}/whole": (1, 0),
    "--continue-at - --output {folder}/nothing": (1, 1),
}


@needs_curl
def test_each_fetch_with_curl_from_the_beginning_is_a_play(
    http: Http, server: Server, make_clip: MakeClip, mp3: bytes, tmp_path: Path
) -> None:
    clips = {options: make_clip() for options in CURL}
    for options, clip in clips.items():
        (tmp_path / "half").write_bytes(mp3[:200_000])
        (tmp_path / "whole").write_bytes(mp3)
        (tmp_path / "etag").write_text(http("HEAD", stream(clip)).headers["ETag"])
        command = options.format(folder=tmp_path).split()
        for _ in range(CURL[options][0]):
            run("curl", "--silent", "--noproxy", "*", *command, server.url + stream(clip))
        if "--output" in options:
            assert Path(command[-1]).read_bytes() == mp3
    assert {options: (CURL[options][0], plays_of(clips[options])) for options in CURL} == CURL


@pytest.fixture(scope="module")
def indexed_at_the_end() -> str:
    """The name of an uploaded m4a file whose index is at its end."""
    folder = LOCAL / "media" / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "indexed-at-the-end.m4a"
    sound = ["-f", "lavfi", "-i", "anoisesrc=duration=20", "-c:a", "aac", "-b:a", "160k"]
    run("ffmpeg", "-v", "error", "-y", *sound, path)
    audio = path.read_bytes()
    assert audio.index(b"moov") > audio.index(b"mdat") + 300_000
    return f"uploads/{path.name}"


@needs_ffmpeg
def test_all_requests_of_ffmpeg_are_one_play(
    server: Server, make_clip: MakeClip, indexed_at_the_end: str
) -> None:
    clip = make_clip(audio_file=indexed_at_the_end)
    url = server.url + stream(clip)
    run("ffprobe", "-v", "error", url)
    whole = run("ffmpeg", "-v", "error", "-i", url, "-f", "s16le", "-ar", "8000", "-ac", "1", "-")
    run("ffmpeg", "-v", "error", "-ss", "15", "-i", url, "-f", "null", "-")
    assert len(whole) > 19 * 8000 * 2
    assert plays_of(clip) == 1
