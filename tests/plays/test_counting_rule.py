"""What counts as a play, row by row of the published rule, as real players ask."""

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

Ask = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]

needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="needs curl: make system-tools")
needs_ffmpeg = pytest.mark.skipif(
    not shutil.which("ffmpeg"), reason="needs ffmpeg: make system-tools"
)

# What players ask, one request a line; {etag} and {size} are the audio's. Taken from the requests
# that `make players` shows, and for Safari from those that its users report.
PLAYERS = {
    "Chromium, which seeks twice and asks again when its copy is old": """
        206 Range: bytes=0-
        206 Range: bytes=300000- | If-Range: {etag}
        206 Range: bytes=65536- | If-Range: {etag}
        304 If-None-Match: {etag}""",
    "Chromium, which seeks back to the beginning": """
        206 Range: bytes=0-
        206 Range: bytes=300000- | If-Range: {etag}
        206 Range: bytes=0-65535 | If-Range: {etag}""",
    "Firefox": """
        206 Range: bytes=0-
        206 Range: bytes=300000- | If-Range: {etag}
        304 If-None-Match: {etag}""",
    "Safari, which probes and then asks for all": """
        206 Range: bytes=0-1
        206 Range: bytes=0-
        206 Range: bytes=0-""",
    "Safari, which probes and then asks for pieces": """
        206 Range: bytes=0-1
        206 Range: bytes=0-65535
        206 Range: bytes=65536-131071 | If-Range: {etag}
        206 Range: bytes=131072- | If-Range: {etag}""",
    "ffmpeg, which looks for the index at the end and goes back": """
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
    "what asks for a range longer than any file from its end": "206 Range: bytes=-99999999",
    "what asks for several ranges, and gets all": "200 Range: bytes=0-9,20-29",
    "what asks for no range there is": "200 Range: bytes=5-2",
    "what goes on with a download of other audio, and gets all":
        '200 Range: bytes=300000- | If-Range: "other"',
    "what asks for three bytes": "206 Range: bytes=0-2",
}  # fmt: skip
NO_PLAYERS = {
    "a probe": "206 Range: bytes=0-1",
    "a probe of a byte": "206 Range: bytes=0-0",
    "a download that goes on": "206 Range: bytes=1-",
    "a download that was complete": "416 Range: bytes={size}-",
    "a look at the end": "206 Range: bytes=-128",
    "a copy that is still good": "304 If-None-Match: {etag}",
    "a copy of any kind": "304 If-None-Match: *",
    "a copy that is still good, of a part": "304 If-None-Match: {etag} | Range: bytes=0-",
    "a seek in other audio": '412 If-Match: "other" | Range: bytes=320045-',
    "a start of other audio": '412 If-Match: "other" | Range: bytes=0-',
    "a page loaded in advance": "200 Sec-Purpose: prefetch",
    "a page rendered in advance": "206 Sec-Purpose: prefetch;prerender | Range: bytes=0-",
}


def ask_as(http: Ask, clip: Clip, script: str) -> None:
    head = http("HEAD", stream(clip)).headers
    for line in script.strip().splitlines():
        status, fields = line.format(etag=head["ETag"], size=head["Content-Length"]).split(None, 1)
        headers = dict(field.split(": ", 1) for field in fields.split(" | "))
        answer = http("GET", stream(clip), headers={"User-Agent": "a player"} | headers)
        assert (line, answer.status_code) == (line, int(status))


@pytest.mark.parametrize(("scripts", "plays"), [(PLAYERS, 1), (NO_PLAYERS, 0)])
def test_players_make_one_play_and_others_none(
    http: Ask, make_clip: MakeClip, scripts: dict[str, str], plays: int
) -> None:
    clips = {name: make_clip() for name in scripts}
    for name, script in scripts.items():
        ask_as(http, clips[name], script)
    assert {name: plays_of(clip) for name, clip in clips.items()} == dict.fromkeys(scripts, plays)


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-"}])
def test_head_is_no_play(http: Ask, clip: Clip, headers: dict[str, str]) -> None:
    assert http("HEAD", stream(clip), headers=headers).status_code == 200
    assert plays_of(clip) == 0


def test_each_plain_get_is_a_play(http: Ask, clip: Clip) -> None:
    for _ in range(3):
        http("GET", stream(clip))
    assert plays_of(clip) == 3


def test_audio_that_cannot_be_had_is_no_play(http: Ask, make_clip: MakeClip) -> None:
    clip = make_clip(audio_url="http://127.0.0.1:9/nobody-is-here.mp3")
    assert http("GET", stream(clip)).status_code == 502
    assert plays_of(clip) == 0


def run(*command: str | Path) -> bytes:
    """A program's output; how it ends is its own affair."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    return done.stdout


# What curl is told, how often, and the plays that this makes.
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
def test_curl_makes_a_play_each_time_it_fetches_from_the_beginning(
    http: Ask, server: Server, make_clip: MakeClip, mp3: bytes, tmp_path: Path
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
    """An uploaded m4a that cannot be played before its end is read."""
    folder = LOCAL / "media" / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / "indexed-at-the-end.m4a"
    sound = ["-f", "lavfi", "-i", "anoisesrc=duration=20", "-c:a", "aac", "-b:a", "160k"]
    run("ffmpeg", "-v", "error", "-y", *sound, made)
    audio = made.read_bytes()
    assert audio.index(b"moov") > audio.index(b"mdat") + 300_000
    return f"uploads/{made.name}"


@needs_ffmpeg
def test_ffmpeg_makes_one_play_of_all_it_asks(
    server: Server, make_clip: MakeClip, indexed_at_the_end: str
) -> None:
    clip = make_clip(audio_file=indexed_at_the_end)
    url = server.url + stream(clip)
    run("ffprobe", "-v", "error", url)
    whole = run("ffmpeg", "-v", "error", "-i", url, "-f", "s16le", "-ar", "8000", "-ac", "1", "-")
    run("ffmpeg", "-v", "error", "-ss", "15", "-i", url, "-f", "null", "-")
    assert len(whole) > 19 * 8000 * 2
    assert plays_of(clip) == 1
